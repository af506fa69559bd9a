"""`scoresubnet generate` and `info`, as a user types them."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import soundfile
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.cli import main
from scoresubnet.model import ScoreModel
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import SAMPLERS
from scoresubnet.sampling import SAMPLING_PRESETS, Sampling
from scoresubnet.schedules import GUIDANCE_SCHEDULES
from scoresubnet.time_grids import TIME_GRIDS
from scoresubnet.weights import ModelFile, load_model, save_model


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> str:
    """A tiny model of random weights, as a file."""
    model = make_score_model("v", classes=2)
    path = tmp_path / "tiny.safetensors"
    settings = MelSettings()
    save_model(
        ModelFile(model.backbone.classifier, ("yes", "no"), model.sde, settings, model.subnet, "v"),
        path,
    )
    return str(path)


def _generate(*arguments: str | Path) -> int:
    return main(["generate", "--steps", "2", *map(str, arguments)])


def test_one_word_makes_a_wav_and_a_picture(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert _generate("yes", "--weights", weights, "--out", out) == 0
    assert sorted(p.name for p in out.iterdir()) == ["yes.png", "yes.wav"]
    info = soundfile.info(out / "yes.wav")
    assert (info.samplerate, info.frames, info.channels) == (16_000, 16_000, 1)
    assert (out / "yes.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr()
    assert str(out / "yes.wav") in printed.out
    assert "the classifier hears" in printed.out
    assert " s for 1 clip" in printed.out
    assert "2/2" in printed.err  # the progress bar


def test_several_words_are_named_by_label_and_seed(weights: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("yes", "none", "--count", "2", "--seed", "5", "--weights", weights, "--out", out)
    assert _generate(*arguments) == 0
    names = ["none-5.wav", "none-6.wav", "words.png", "yes-5.wav", "yes-6.wav"]
    assert sorted(p.name for p in out.iterdir()) == names


def test_labels_are_words_as_they_were_typed(
    make_score_model: Callable[..., ScoreModel], tmp_path: Path
) -> None:
    """Not what YAML makes of them, nor mathematics, and in either form of Unicode."""
    composed, apart = (unicodedata.normalize(form, "über") for form in ("NFC", "NFD"))
    labels = ("yes", "no", "null", "1", "$x^$", apart)
    model = make_score_model("v", classes=len(labels))
    path, settings = tmp_path / "tiny.safetensors", MelSettings()
    save_model(
        ModelFile(model.backbone.classifier, labels, model.sde, settings, model.subnet, "v"), path
    )
    out = tmp_path / "out"
    assert _generate(*labels, composed, "--weights", path, "--out", out, "--sampling", "fast") == 0
    names = [f"{word}-0.wav" for word in (*labels[:-1], composed)]
    assert {p.name for p in out.iterdir()} == {*names, "words.png"}


def test_an_alias_makes_the_file_of_its_label(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = load_model(weights)
    file.aliases = {"نعم": "yes", "لا": "no"}
    save_model(file, weights)
    out = tmp_path / "out"
    for words, names in (
        (["نعم"], ["yes.png", "yes.wav"]),
        (["لا", "no", "نعم"], ["no-0.wav", "words.png", "yes-0.wav"]),  # each once
    ):
        assert _generate(*words, "--weights", weights, "--out", out / words[0]) == 0
        assert sorted(p.name for p in (out / words[0]).iterdir()) == names
    capsys.readouterr()
    assert main(["info", weights]) == 0
    assert "\naliases: نعم = yes, لا = no\n" in capsys.readouterr().out
    assert main(["info", weights, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["aliases"] == file.aliases


@pytest.mark.parametrize(
    ("command", "arguments"),
    [("generate", []), ("evaluate", ["--reference", "x", "--out", "y", "--labels"])],
)
def test_words_of_yaml_are_labels(
    command: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["yes", "no", "on", "off", "null", "1", "~", "true"]
    run: list[Any] = []
    monkeypatch.setattr(f"scoresubnet.commands.{command}.run", run.append)
    assert main([command, *arguments, *words]) == 0
    assert run[0].labels == words


def test_a_label_that_is_a_path_is_refused_where_it_is_loaded(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with safetensors.safe_open(weights, framework="pt") as file:
        metadata = dict(file.metadata()) | {"labels": '["../x", "no"]'}
    safetensors.torch.save_file(safetensors.torch.load_file(weights), weights, metadata)
    assert _generate("../x", "--weights", weights, "--out", tmp_path / "a/out") == 1
    assert f"{weights}: " in (error := capsys.readouterr().err)
    assert "the word '../x' has a slash" in error
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".wav", ".png")]


def test_the_same_seed_gives_the_same_file(weights: str, tmp_path: Path) -> None:
    for folder, count in (("a", "1"), ("b", "3")):
        arguments = ("yes", "--count", count, "--seed", "5", "--weights", weights)
        assert _generate(*arguments, "--out", tmp_path / folder) == 0
    first, _ = soundfile.read(tmp_path / "a" / "yes.wav")
    second, _ = soundfile.read(tmp_path / "b" / "yes-5.wav")
    # Alone or in a batch the log-Mels differ by some 1e-6, which the vocoder's iterations amplify.
    assert np.sqrt(((first - second) ** 2).mean() / (first**2).mean()) < 0.01


def test_json_is_for_programs(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert _generate("no", "--weights", weights, "--out", out, "--json", "--seed", "9") == 0
    report = json.loads(capsys.readouterr().out)
    (clip,) = report["clips"]
    assert (clip["label"], clip["seed"], clip["wav"]) == ("no", 9, str(out / "no.wav"))
    assert clip["heard"] in ("yes", "no")
    assert (report["steps"], report["guidance"]) == (2, 3.0)
    assert Path(report["picture"]).is_file()
    assert report["seconds"] > 0


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


def test_an_unwritable_folder_fails_before_sampling(
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sample(*arguments: object) -> None:
        raise AssertionError("sampled")

    monkeypatch.setattr("scoresubnet.pipeline.SpeechGenerator._batch", sample)
    (tmp_path / "file").write_text("in the way")
    assert _generate("yes", "--weights", weights, "--out", tmp_path / "file" / "out") == 1
    assert "a file is where a folder should be; move it" in capsys.readouterr().err


def test_files_that_cannot_be_written_are_left_out(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for name in ("yes-0.wav", "words.png"):
        (out / name).mkdir(parents=True)
    arguments = ("yes", "--count", "2", "--weights", weights, "--out", out)
    assert _generate(*arguments) == 0
    printed = capsys.readouterr()
    for name in ("yes-0.wav", "words.png"):
        reason = "cannot be written: a folder has that name; move it"
        assert f"left out: {out / name}: {reason}" in printed.err
    assert [line.split()[0] for line in printed.out.splitlines()[:-1]] == [str(out / "yes-1.wav")]
    assert _generate(*arguments, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [clip["seed"] for clip in report["clips"]] == [1]
    assert report["picture"] is None
    assert [reason.split(":")[0] for reason in report["left_out"]] == [
        str(out / "yes-0.wav"),
        str(out / "words.png"),
    ]
    (out / "yes-1.wav").unlink()
    (out / "yes-1.wav").mkdir()
    assert _generate(*arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"generate: none of 2 sounds was written: {out / 'yes-0.wav'}: cannot" in printed.err


def test_info_of_a_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "small", "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)["costs"]
    assert costs["Score Subnet"]["parameters"] > costs["Score Subnet"]["trainable"] > 1e6
    assert main(["info", "small"]) == 0
    total = f"{costs['Score Subnet']['parameters'] / 1e6:.2f}"
    assert total in capsys.readouterr().out


def test_info_of_weights(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", weights, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["labels"] == ["yes", "no"]
    assert (report["aliases"], report["predicts"], report["sampling"]) == ({}, "v", None)
    assert report["costs"]["Score Subnet"]["guided_gmacs"] > 0
    assert main(["info", weights]) == 0
    printed = capsys.readouterr().out
    assert "labels: yes, no" in printed
    assert "aliases" not in printed
    assert "sampling: not stated, so fast" in printed


def test_info_of_neither(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "medium"]) == 1
    assert "presets: paper, small" in capsys.readouterr().err


PYTHON_M = [sys.executable, "-m", "scoresubnet"]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def test_python_m_is_the_command_and_says_so() -> None:
    done = subprocess.run([*PYTHON_M, "generate"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: scoresubnet generate ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["generate", "--help"]])
def test_a_pipe_that_closes_early_is_no_error(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*PYTHON_M, *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=BUFFERED, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_clips_are_made_without_any_stream(weights: str, tmp_path: Path) -> None:
    def close() -> None:
        for number in range(3):
            os.close(number)

    out = tmp_path / "out"
    arguments = ["generate", "yes", "--steps", "2", "--weights", weights, "--out", str(out)]
    assert subprocess.run([*PYTHON_M, *arguments], preexec_fn=close, check=False).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["yes.png", "yes.wav"]
    assert soundfile.info(out / "yes.wav").frames == 16_000


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ("3000", "")),
        ({"GOMP_SPINCOUNT": "7"}, ("7", "")),
        ({"OMP_WAIT_POLICY": "active"}, ("", "active")),
    ],
)
def test_threads_spin_briefly_from_the_first_unless_told_otherwise(
    given: dict[str, str], found: tuple[str, str]
) -> None:
    """OpenMP reads its settings when torch is loaded."""
    program = (
        "import os, sys\n"
        "names = 'GOMP_SPINCOUNT', 'OMP_WAIT_POLICY'\n"
        "class Loading:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'torch':\n"
        "            sys.exit(' '.join(os.environ.get(k, '-') for k in names))\n"
        "sys.meta_path.insert(0, Loading())\n"
        "from scoresubnet.cli import main\n"
        "main(['info', 'small'])"
    )
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=plain | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == " ".join(value or "-" for value in found)


def _nested() -> object:
    return json.loads("[" * 10**6)


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        (lambda: np.empty(2**52), "not enough memory (Unable to allocate"),
        (lambda: torch.empty(2**52), "not enough memory ("),
        (
            lambda: _raise(RuntimeError("could not create a primitive")),
            "not enough memory (could not create",
        ),
        (_nested, "nested too deeply"),
        (
            lambda: _raise(torch.OutOfMemoryError("CUDA out of memory.\nA stack")),
            "not enough memory",
        ),
        (lambda: _raise(RuntimeError("CUDA error: busy\nA stack")), "the GPU cannot be used"),
        (lambda: _raise(RuntimeError("CUDA error: an illegal memory access")), "the GPU cannot be"),
        (lambda: _raise(RuntimeError("can't start new thread")), "no more threads"),
        (lambda: _raise(ValueError("a type 'a\nb' in a header")), "a type 'a b' in a header"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    fail: Callable[[], object],
    message: str,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SpeechGenerator, "stream", lambda *arguments: fail())
    assert _generate("yes", "--weights", weights, "--out", tmp_path, "--json") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("scoresubnet generate: ")
    assert message in line


def test_a_mistake_of_ours_keeps_its_traceback(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    monkeypatch.setattr(SpeechGenerator, "stream", lambda *arguments: _raise(error))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        _generate("yes", "--weights", weights, "--out", tmp_path)


def _raise(error: Exception) -> None:
    raise error
