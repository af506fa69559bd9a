"""Quality against steps, with a recogniser, an embedder and a measure that need no package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.quality import Figure, Point, generated_clips, measured, settings_within

from benchmarks.steps import steps_figure, steps_table
from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation.judges.base import Embedded
from scoresubnet.evaluation.measures import Measure
from scoresubnet.model import ScoreModel
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import SAMPLERS, evaluations
from scoresubnet.sampling import Sampling, resolve_sampling
from scoresubnet.vocoders import load_vocoder
from scoresubnet.weights import ModelFile

SETTING = Sampling("ddim", 2, "uniform", 3.0, "interval:low=0.2,high=0.6")


class Recogniser:
    """Hears "yes" in everything."""

    words = ("yes", "no")

    def recognise(self, audio: np.ndarray, rate: int) -> str:
        return "yes"


class Means:
    """Embeds a clip as its mean and its spread."""

    name = "means"
    labels = None
    settings: dict[str, object] = {}  # noqa: RUF012

    def __call__(self, clips: Sequence[np.ndarray], progress: bool = False) -> Embedded:
        return Embedded(np.array([[clip.mean(), clip.std()] for clip in clips], dtype=np.float64))


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


def test_clips_are_kept_by_their_settings(
    tmp_path: Path, make_score_model: Callable[..., ScoreModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_score_model("v", classes=2)
    classifier = model.backbone.classifier
    file = ModelFile(classifier, ("yes", "no"), model.sde, MelSettings(), model.subnet, "v")
    generator = SpeechGenerator(file, load_vocoder("griffin-lim", file.mel))
    first = generated_clips(generator, "hash", SETTING, [4, 5], tmp_path)
    assert len(first) == 4
    expected = generator.generate(
        ["yes", "no"], [5, 5], sampler="ddim", steps=2, schedule=("interval:low=0.2,high=0.6")
    )
    np.testing.assert_allclose(first[2:], expected.audio.numpy(), atol=1e-3)

    def generate(*arguments: object, **options: object) -> None:
        raise AssertionError("generated again")

    monkeypatch.setattr(generator, "generate", generate)
    again = generated_clips(generator, "hash", SETTING, [5, 4], tmp_path)
    assert np.array_equal(again[:2], first[2:])
    with pytest.raises(AssertionError, match="again"):
        generated_clips(generator, "other weights", SETTING, [4], tmp_path)


def test_a_point_has_its_figures(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    clips = list(generator.normal(size=(4, 50)).astype(np.float32))
    real = list(generator.normal(size=(6, 50)).astype(np.float32))
    scores: list[float] = [1.0, 2.0, 3.0, 4.0]
    seen = iter(scores)
    mos = Measure("m", ("dnsmos_ovrl",), {}, False, lambda a, b: {"dnsmos_ovrl": next(seen)})
    labels = ["yes", "no", "yes", "yes"]
    arguments: list[Any] = [SETTING, clips, labels, real, Recogniser(), Means(), mos, tmp_path]
    point = measured(*arguments)
    assert point.right.value == 0.75
    assert point.mos.value == 2.5
    assert point.mos.low < 2.5 < point.mos.high
    assert point.distance.low <= point.distance.value <= point.distance.high
    assert (point.clips, point.evaluations) == (4, 2)
    assert measured(*arguments) == point  # scores come from the cache: `seen` is at its end


def test_table_and_figure_show_every_point() -> None:
    value = Figure(0.5, 0.4, 0.7)
    points = [
        Point(Sampling(sampler, steps, "uniform", 3.0, schedule), steps, 9, value, value, value)
        for sampler, schedule in (("ddim", "constant"), ("heun", "constant"), ("heun", "linear"))
        for steps in (5, 10)
    ]
    table = steps_table(points)
    assert "| heun | linear | 10 | 10 | 9 | 50.0 (40.0 to 70.0) | 0.50 (0.40 to 0.70) |" in table
    panels = steps_figure(points, "embedder").axes
    assert [len(axes.containers) for axes in panels] == [3, 3, 3]
    assert not any(axes.texts for axes in panels)


def test_a_line_goes_by_evaluations_and_named_settings_are_pointed_out() -> None:
    value = Figure(0.5, 0.4, 0.7)
    paper = resolve_sampling("paper")
    points = [
        Point(setting, setting.steps, 9, value, value, value)
        for setting in (paper, replace(paper, steps=5))
    ]
    for axes in steps_figure(points, "embedder").axes:
        line, _, _ = axes.containers[0]
        assert list(line.get_xdata()) == [5, 100]
        (name,) = axes.texts
        assert (name.get_text(), name.xy) == ("paper", (100, 0.5))
