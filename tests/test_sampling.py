import re
from pathlib import Path

import pytest

from scoresubnet.samplers import SAMPLERS
from scoresubnet.sampling import DEFAULT_SAMPLING, SAMPLING_PRESETS, Sampling, sampling
from scoresubnet.schedules import TIME_GRIDS, read_guidance_schedule

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.parametrize("name", SAMPLING_PRESETS)
def test_every_preset_names_things_that_exist(name: str) -> None:
    preset = SAMPLING_PRESETS[name]
    assert preset.sampler in SAMPLERS
    assert preset.grid in TIME_GRIDS
    assert isinstance(preset.schedule, str)
    read_guidance_schedule(preset.schedule)(preset.guidance)
    assert re.search(rf"--preset-sampling {name}\b", README.read_text(encoding="utf-8"))


def test_paper_is_the_papers_setting() -> None:
    expected = Sampling("euler-maruyama", 100, "uniform", 3.0, "constant")
    assert SAMPLING_PRESETS["paper"] == expected


def test_nothing_given_is_the_default() -> None:
    assert sampling() == SAMPLING_PRESETS[DEFAULT_SAMPLING]


def test_what_is_given_wins_even_if_it_is_zero() -> None:
    chosen = sampling("fast", steps=7, guidance=0.0)
    assert chosen == Sampling("dpmpp-2m-sde", 7, "uniform", 0.0, "interval:low=0,high=0.7")
    chosen = sampling("fast", sampler="heun", grid="karras", schedule="linear")
    assert chosen == Sampling("heun", 10, "karras", 3.0, "linear")


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown sampling preset 'fsat'; .*: fast, paper"):
        sampling("fsat")
