import inspect
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.samplers import SAMPLERS
from scoresubnet.sampling import (
    DEFAULT_SAMPLING,
    GRIDS,
    SAMPLING_PRESETS,
    SCHEDULES,
    SETTINGS,
    SOLVERS,
    Sampling,
    preset_name,
    resolve_sampling,
)
from scoresubnet.schedules import GUIDANCE_SCHEDULES, constant_guidance
from scoresubnet.time_grids import TIME_GRIDS

README = Path(__file__).resolve().parents[1] / "README.md"
PAPER = SAMPLING_PRESETS["paper"]
OTHER = Sampling("heun", 7, "karras", 2.0, "linear:start=1,end=3", 0.5, True)


@pytest.mark.parametrize("name", SAMPLING_PRESETS)
def test_every_preset_can_be_used_and_is_in_the_readme(name: str) -> None:
    SAMPLING_PRESETS[name].check()
    assert preset_name(SAMPLING_PRESETS[name]) == name
    assert re.search(rf"--sampling {name}\b", README.read_text(encoding="utf-8"))


def test_paper_is_the_papers_setting() -> None:
    assert Sampling("euler-maruyama", 100, "uniform", 3.0, "constant", None, False) == PAPER
    assert preset_name(replace(PAPER, steps=99)) is None


def test_the_tables_of_the_help_are_the_registries() -> None:
    """The tables are written out, since the registries import torch."""
    assert list(SOLVERS) == list(SAMPLERS)
    assert list(GRIDS) == list(TIME_GRIDS)
    expected = []
    for name, schedule in GUIDANCE_SCHEDULES.items():
        own = list(inspect.signature(schedule).parameters.values())[1:]
        expected += [":".join([name, ",".join(f"{p.name}={p.default:g}" for p in own)]).strip(":")]
    assert list(SCHEDULES) == expected


def test_every_setting_has_a_help_text_and_a_type_that_takes_the_values_of_the_presets() -> None:
    for name, setting in SETTINGS.items():
        assert len(setting.metadata["help"]) > 10
        for preset in (PAPER, OTHER):
            value = getattr(preset, name)
            assert value is None or type(value) is setting.metadata["type"]


def test_nothing_given_is_the_default() -> None:
    assert resolve_sampling() == resolve_sampling(None, steps=None) == SAMPLING_PRESETS["fast"]
    assert DEFAULT_SAMPLING == "fast"


def test_what_is_given_wins_even_if_it_is_zero() -> None:
    chosen = resolve_sampling("fast", steps=7, guidance=0.0)
    assert chosen == Sampling("dpmpp-2m-sde", 7, "uniform", 0.0, "interval:low=0,high=0.7")
    assert resolve_sampling(OTHER, renormalise=False) == replace(OTHER, renormalise=False)
    assert resolve_sampling("paper", **asdict(OTHER)) == OTHER
    assert resolve_sampling(OTHER) == OTHER


def test_settings_read_back_are_the_same() -> None:
    assert Sampling.from_dict(OTHER.to_dict()) == OTHER
    short = {k: v for k, v in PAPER.to_dict().items() if k not in ("clamp", "renormalise")}
    assert Sampling.from_dict(short) == PAPER


def test_settings_as_a_line() -> None:
    assert str(PAPER) == "euler-maruyama, 100 steps, uniform grid, guidance 3, constant schedule"
    assert str(OTHER).endswith("linear:start=1,end=3 schedule, clamp 0.5, renormalised")
    assert "own schedule" in str(replace(PAPER, schedule=constant_guidance))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stpes": 3}, "unknown sampling setting 'stpes'; nearest first, there are: steps, "),
        ({"sampler": "heum"}, "unknown sampler 'heum'; nearest first, there are: heun, "),
        ({"sampler": 3}, "unknown sampler 3"),
        ({"grid": "karas"}, "unknown time grid 'karas'; nearest first, there are: karras"),
        ({"schedule": "cosin"}, "unknown guidance schedule 'cosin'"),
        ({"steps": 0}, "steps 0 is out of range"),
        ({"steps": 2.5}, "steps 2.5 is out of range; it is a whole number"),
        ({"guidance": float("nan")}, "guidance nan is out of range"),
        ({"guidance": "3"}, "guidance 3 is out of range"),
        ({"clamp": 0.0}, "clamp 0.0 is out of range"),
        ({"clamp": "1"}, "clamp 1 is out of range"),
        ({"renormalise": 2}, "renormalise 2 is neither True nor False"),
    ],
)
def test_what_cannot_be_sampled_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_sampling(PAPER, **change)
    with pytest.raises(ValueError, match=message):
        Sampling.from_dict(PAPER.to_dict() | change)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ValueError, match="sampling setting 'grid' is missing"):
        Sampling.from_dict({k: v for k, v in PAPER.to_dict().items() if k != "grid"})


def test_a_schedule_that_is_a_function_can_be_used_but_not_written() -> None:
    chosen = resolve_sampling(PAPER, schedule=constant_guidance)
    with pytest.raises(ValueError, match="schedule is a function, which cannot be written"):
        chosen.to_dict()


def test_an_unknown_preset_and_what_is_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown sampling preset 'fsat'; .*: fast, paper"):
        resolve_sampling("fsat")
    with pytest.raises(ValueError, match=r"sampling 3\.0 is neither a name nor a Sampling; give"):
        resolve_sampling(3.0)  # type: ignore[arg-type]
