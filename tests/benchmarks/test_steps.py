"""Quality against steps: the settings, their names and the figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import steps
from benchmarks.steps import PANELS, main, name_of, settings_within, steps_figure
from scoresubnet.evaluation.run import Evaluation
from scoresubnet.samplers import SAMPLERS, evaluations
from scoresubnet.sampling import SAMPLING_PRESETS, Sampling


def test_every_solver_keeps_within_its_budget_and_uses_it_up() -> None:
    found = settings_within([5, 20], list(SAMPLERS), "karras", 2.0, ["constant"])
    assert len(found) == 2 * len(SAMPLERS)
    for setting in found:
        asked = evaluations(setting.sampler, setting.steps)
        assert any(budget - 1 <= asked <= budget for budget in (5, 20))
        assert (setting.grid, setting.guidance) == ("karras", 2.0)


def test_one_evaluation_is_too_few_for_heun() -> None:
    assert settings_within([1], ["heun", "ddim"], "uniform", 3.0, ["constant"]) == [
        Sampling("ddim", 1, "uniform", 3.0, "constant")
    ]


def test_settings_that_differ_have_names_that_differ() -> None:
    plain = Sampling("ddim", 5, "uniform", 3.0, "constant")
    others = [
        replace(plain, **change)
        for change in (
            {"sampler": "heun"},
            {"steps": 6},
            {"grid": "karras"},
            {"guidance": 2.0},
            {"schedule": "linear"},
        )
    ]
    names = [name_of(setting) for setting in (plain, *others, *SAMPLING_PRESETS.values())]
    assert len(set(names)) == len(names)
    assert names[0] == "ddim 5"
    assert names[-2:] == list(SAMPLING_PRESETS)
    assert not any("/" in name or ":" in name for name in names)


def report_of(settings: dict[str, Sampling]) -> dict[str, Any]:
    found = {"value": 0.5, "low": 0.4, "high": 0.7}
    figures = [{"key": key, "systems": dict.fromkeys(settings, found)} for key in PANELS]
    return {"sections": {"all": {"figures": figures}}}


def test_a_line_goes_by_evaluations_and_named_settings_are_pointed_out() -> None:
    paper = SAMPLING_PRESETS["paper"]
    chosen = [paper, replace(paper, steps=5), Sampling("heun", 5, "uniform", 3.0, "constant")]
    settings = {name_of(setting): setting for setting in chosen}
    panels = steps_figure(report_of(settings), settings).axes
    assert len(panels) == len(PANELS)
    for axes in panels:
        first, second = (container[0] for container in axes.containers)
        assert list(first.get_xdata()) == [5, 100]
        assert list(second.get_xdata()) == [10]
        (name,) = axes.texts
        assert (name.get_text(), name.xy) == ("paper", (100, 0.5))


def test_every_setting_is_a_system_of_one_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Evaluation] = []

    def run(self: Evaluation) -> dict[str, Any]:
        asked.append(self)
        return report_of(
            {spec.called: Sampling("ddim", 1, "uniform", 1.0, "constant") for spec in self.systems}
        )

    monkeypatch.setattr(Evaluation, "run", run)
    monkeypatch.setattr(steps, "SECTIONS", ("evaluator",))
    arguments = ["--data", "recordings", "--out", str(tmp_path), "--samplers", "ddim"]
    assert main([*arguments, "--evaluations", "5", "10", "--seed", "7", "--count", "3"]) == 0
    (evaluation,) = asked
    assert [spec.name for spec in evaluation.systems] == ["paper", "fast", "ddim 5", "ddim 10"]
    assert (evaluation.seed, evaluation.count) == (7, 3)
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")
