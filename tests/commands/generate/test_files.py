"""`scoresubnet generate`: words in, sounds and pictures out."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import soundfile

from scoresubnet.audio.mel import MelSettings
from scoresubnet.cli import main
from scoresubnet.model import ScoreModel
from scoresubnet.weights import ModelFile, load_model, save_model


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
