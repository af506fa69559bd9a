"""What a job cannot use, and words that it gives up."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from scoresubnet.cli import main
from scoresubnet.commands.expand import _said
from scoresubnet.data.recordings import read_recordings
from scoresubnet.expansion import Expanded, Expansion
from scoresubnet.expansion import run as module
from tests.expansion.conftest import FEW, WORDS, Job
from tests.expansion.written import read_sounds


def test_a_word_that_is_never_heard_is_given_up(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENOUGH", 20)
    found = job(accept=0.95).run(progress=False)
    assert [(e.kept, e.given_up) for e in found] == [(0, True), (0, True)]
    assert all(20 <= e.unheard < 20 + module.BATCH for e in found)
    assert not read_sounds(tmp_path / "out")


def test_what_cannot_be_used_is_named_before_anything_is_made(
    job: Job, weights: Path, words_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for settings, said in (
        ({"per_word": 0}, "per_word 0; it lies in 1 to 1,000,000"),
        ({"accept": 1.5}, "accept 1.5; it is a probability"),
        ({"judge": "ear"}, "unknown judge 'ear'"),
    ):
        with pytest.raises(ValueError, match=said):
            job(**settings)
    shutil.copytree(words_folder, tmp_path / "in")
    (tmp_path / "in/hum").rename(tmp_path / "in/humm")
    with pytest.raises(ValueError, match="unknown label 'humm'; nearest first"):
        Expansion(tmp_path / "in", weights, tmp_path / "out").run(progress=False)
    for path in (tmp_path / "in/humm").iterdir():
        soundfile.write(path, np.zeros(16_000), 16_000)
    with pytest.raises(ValueError, match="in/humm: none of its recordings can be used"):
        Expansion(tmp_path / "in", weights, tmp_path / "out").run(progress=False)
    assert not (tmp_path / "out").exists()
    soundfile.write(path, np.random.default_rng(0).random(16_000), 16_000)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        recordings = read_recordings(tmp_path / "in")
    count = len(list((tmp_path / "in/humm").iterdir()))
    assert sum(r.word == "humm" for r in recordings) == 1
    assert caplog.messages[0].count("the sound is silent") == count - 1


def test_a_folder_of_generate_is_refused(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/job.json").write_text("{}")
    with pytest.raises(ValueError, match="out: has clips of `scoresubnet generate`"):
        job().run(progress=False)


def test_recordings_that_tell_nothing_of_copies_are_named(
    weights: Path, words_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in WORDS:
        (tmp_path / "in" / word).mkdir(parents=True)
        for path in sorted((words_folder / word).iterdir())[:2]:
            shutil.copy(path, tmp_path / "in" / word)
    few: dict[str, Any] = {"per_word": 1, "accept": 0, "overrides": FEW}
    Expansion(tmp_path / "in", weights, tmp_path / "out", **few).run(progress=False)
    assert "too few recordings to tell what is a copy: hiss, hum" in capsys.readouterr().err


def test_what_to_do_about_a_word_that_is_given_up() -> None:
    """By what most of its clips were refused for."""
    unheard = _said(Expanded("hum", 0, unheard=180, copies=20, given_up=True), False)
    assert unheard.endswith(
        "180 not heard as asked for, 20 copies; given up, as hardly any was "
        "kept: listen to some, and lower --accept"
    )
    copied = _said(Expanded("hum", 3, unheard=20, copies=180, given_up=True), False)
    assert copied.endswith("listen to some, and record more, or give --copies")
    assert _said(Expanded("hum", 9, 1, 2, False), True) == (
        "hum: 9 kept, 2 of them copies; refused 1 not heard as asked for"
    )


def test_what_a_judge_refuses_leaves_the_folder_free(
    weights: Path, words_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As its advice is another judge, in the same folder."""
    shutil.copytree(words_folder / "hum", tmp_path / "in/hum")
    out = tmp_path / "out"
    command = ["expand", str(tmp_path / "in"), "--weights", str(weights), "--out", str(out)]
    command += ["--per-word", "1", "--accept", "0", "--sampler", "ddim", "--steps", "1"]
    assert main(command) == 1
    assert "there is 'hum' alone" in capsys.readouterr().err
    assert not out.exists()
    assert main([*command, "--judge", "classifier"]) == 0
    assert len(read_sounds(out)) == 1
