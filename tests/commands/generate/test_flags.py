"""The flags of `scoresubnet generate`, and its help."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest
import soundfile

from scoresubnet.cli import main
from scoresubnet.samplers import SAMPLERS
from scoresubnet.sampling import SAMPLING_PRESETS, Sampling
from scoresubnet.schedules import GUIDANCE_SCHEDULES
from scoresubnet.time_grids import TIME_GRIDS
from scoresubnet.weights import load_model, save_model


def _settings(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: str
) -> dict[str, object]:
    command = ["generate", "no", "--weights", weights, "--out", str(tmp_path / "out"), "--json"]
    assert main([*command, *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_paper_is_one_flag_away_from_the_default(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paper = {
        "preset": "paper",
        "sampler": "euler-maruyama",
        "steps": 100,
        "grid": "uniform",
        "guidance": 3.0,
        "schedule": "constant",
        "clamp": None,
        "renormalise": False,
    }
    report = _settings(weights, tmp_path, capsys, "--sampling", "paper")
    assert paper.items() <= report.items()
    fast = _settings(weights, tmp_path, capsys, "--steps", "3")
    assert (fast["preset"], fast["sampler"], fast["steps"]) == ("fast", "dpmpp-2m-sde", 3)


def test_what_the_weights_recommend_is_used_and_shown(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = load_model(weights)
    file.sampling = Sampling("ddim", 3, "karras", 2.0, "linear", 0.5, True)
    save_model(file, weights)
    expected = file.sampling.to_dict()
    report = _settings(weights, tmp_path, capsys)
    assert report["preset"] is None
    assert expected.items() <= report.items()
    report = _settings(weights, tmp_path, capsys, "--no-renormalise", "--steps", "2")
    assert (expected | {"renormalise": False, "steps": 2}).items() <= report.items()
    assert main(["info", weights, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sampling"] == expected
    assert main(["info", weights]) == 0
    assert "sampling: ddim, 3 steps, karras grid, guidance 2, linear" in capsys.readouterr().out


def test_every_flag_reaches_the_sound_and_the_report(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [
        [],
        ["--sampler", "ddim"],
        ["--grid", "karras"],
        ["--guidance", "9"],
        ["--schedule", "linear"],
        ["--schedule", "linear:start=2,end=0.5"],
        ["--clamp", "0.001"],
        ["--renormalise"],
    ]
    sounds = []
    for k, given in enumerate(flags):
        report = _settings(weights, tmp_path / str(k), capsys, "--steps", "3", *given)
        if len(given) == 2:
            name, value = given
            assert str(report[name.removeprefix("--")]).removesuffix(".0") == value
        sounds.append(soundfile.read(tmp_path / str(k) / "out" / "no.wav")[0])
    assert report["renormalise"] is True
    for k, sound in enumerate(sounds):
        assert all(abs(sound - other).max() > 0 for other in sounds[:k]), flags[k]


def test_help_lists_every_choice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are written into the help, which imports no registry that needs torch."""
    monkeypatch.setenv("COLUMNS", "2000")  # or a name is broken at its hyphen
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    words = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", capsys.readouterr().out))
    assert words >= {*SAMPLERS, *TIME_GRIDS, *GUIDANCE_SCHEDULES, *SAMPLING_PRESETS}


def test_the_help_shows_the_default_of_every_schedule_parameter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    shown = re.sub(r"\s+", "", capsys.readouterr().out)
    for name, schedule in GUIDANCE_SCHEDULES.items():
        own = list(inspect.signature(schedule).parameters.values())[1:]
        assert name + (":" if own else "") + ",".join(f"{p.name}={p.default:g}" for p in own) in (
            shown
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["yez"], "unknown label 'yez'; nearest first, these weights know: yes, no"),
        (["yes", "--guidance", "-1"], "guidance -1.0 is out of range"),
        (["yes", "--seed", "-1"], "seed -1 is out of range"),
        (["yes", "--count", "0"], "count 0 is out of range"),
        (["yes", "--steps", "0"], "steps 0 is out of range"),
        (["yes", "--vocoder", "x"], "griffin-lim"),
        (["yes", "--sampler", "x"], "euler-maruyama"),
        (["yes", "--grid", "karas"], "unknown time grid 'karas'; nearest first, there are: karras"),
        (["yes", "--schedule", "intervl:low=0.2"], "there are: interval"),
        (["yes", "--schedule", "interval:hihg=0.2"], "there are: high"),
        (["yes", "--schedule", "interval:low=0.9,high=0.2"], "low 0.9, high 0.2"),
        (["yes", "--schedule", "interval:low"], "'low' is no parameter and its number"),
        (["yes", "--clamp", "0"], "clamp 0.0 is out of range"),
        (["yes", "--sampling", "papre"], "there are: paper"),
        (["yes", "--weights", "words81-small"], "no such file or folder, and no shipped weights"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    arguments: list[str],
    message: str,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert main(["generate", "--weights", weights, "--out", str(out), *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()
