"""`scoresubnet generate --part`: processes side by side, killed, and put together."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.cli import main
from scoresubnet.jobs.clip_job import BATCH
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.weights import save_model
from tests.tiny import tiny_model

COUNT = 100
"""Of two words: thirteen batches, so that the second of four parts has three."""


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """An untrained model of two words."""
    save_model(tiny_model(("yes", "no")), tmp_path / "tiny.safetensors")
    return str(tmp_path / "tiny.safetensors")


def _command(weights: str, out: Path, *rest: str, count: int = COUNT) -> list[str]:
    sampling = ("--steps", "2", "--vocoder", "griffin-lim")
    common = ("--weights", weights, "--out", str(out), "--count", str(count), *sampling)
    return ["generate", "yes", "no", *common, *rest]


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    quiet = subprocess.DEVNULL
    whole = [sys.executable, "-m", "scoresubnet", *command]
    return subprocess.Popen(whole, env=environment, stdout=quiet, stderr=quiet)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_four_processes_of_which_one_is_killed_make_what_one_makes(
    weights: str, tmp_path: Path
) -> None:
    """To the bit: sounds, table and settings."""
    alone, out = tmp_path / "alone", tmp_path / "out"
    parts = [_command(weights, out, "--part", f"{k}/4") for k in (1, 2, 3, 4)]
    processes = [_started(command) for command in parts]
    try:
        table = out / "manifest.2-of-4.csv"
        while not (table.exists() and table.read_bytes().count(b"\n") > 1):
            assert processes[1].poll() is None, "part 2 made nothing"
            time.sleep(0.002)
        processes[1].kill()
        assert processes[1].wait() != 0, "it was done before it was killed"
        assert 0 < len(_rows(table)) < 3 * BATCH
        assert [processes[k].wait() for k in (0, 2, 3)] == [0, 0, 0]
        assert _started(parts[1]).wait() == 0
        assert len(_rows(table)) == 3 * BATCH
        assert _started(_command(weights, out)).wait() == 0
        assert _started(_command(weights, alone, "--part", "1/1")).wait() == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
    made = _files(out)
    assert made == _files(alone)
    assert sum(name.endswith(".wav") for name in made) == 2 * COUNT
    assert {name for name in made if not name.endswith(".wav")} == {"manifest.csv", "job.json"}
    rows = _rows(out / "manifest.csv")
    asked = [(word, str(seed)) for word in ("no", "yes") for seed in range(COUNT)]
    assert [(row["label"], row["seed"]) for row in rows] == asked
    assert all(row["file"] in made and row["heard"] in ("yes", "no") for row in rows)


def test_the_last_call_makes_what_is_lost_and_nothing_else(
    weights: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A sound that was deleted, and a part that nobody made; among the neighbours they had."""
    out = tmp_path / "out"
    for part in ("1/3", "2/3"):
        assert main(_command(weights, out, "--part", part, count=20)) == 0
    printed = capsys.readouterr().out.splitlines()[-1]
    assert printed.startswith(f"{BATCH} clips are there, after ")
    assert printed.endswith(f"; their table is {out / 'manifest.2-of-3.csv'}")
    lost = out / "yes-3.wav"
    before = lost.read_bytes()
    lost.unlink()
    asked: list[int] = []
    generate = SpeechGenerator.generate

    def noted(self: SpeechGenerator, labels: Any, *options: Any, **more: Any) -> Any:
        asked.append(len(labels))
        return generate(self, labels, *options, **more)

    monkeypatch.setattr(SpeechGenerator, "generate", noted)
    assert main(_command(weights, out, "--json", count=20)) == 0
    assert asked == [BATCH, 8]
    assert lost.read_bytes() == before
    printed = json.loads(capsys.readouterr().out)
    assert len(printed["clips"]) == 40
    assert printed["clips"][3] | {"confidence": 0} == {
        "label": "yes",
        "seed": 3,
        "wav": str(lost),
        "heard": printed["clips"][3]["heard"],
        "confidence": 0,
    }
    assert printed["left_out"] == []
    assert len(_rows(out / "manifest.csv")) == 40


def test_more_parts_than_batches_and_other_settings(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(_command(weights, out, "--part", "2/2", count=2)) == 0
    assert capsys.readouterr().out.startswith("0 clips are there, after ")
    for rest in (["--part", "1/2"], []):
        assert main(_command(weights, out, *rest, "--guidance", "1", count=2)) == 1
        error = "out: has clips made with other sampling; choose another --out, or empty it"
        assert error in capsys.readouterr().err
    assert main(_command(weights, out, "--backend", "torch-bf16", count=2)) == 1
    assert "out: has clips made with other precision" in capsys.readouterr().err
    assert main(_command(weights, out, "--part", "3/2", count=2)) == 1
    assert "part 3/2: parts go from 1/N to N/N" in capsys.readouterr().err
    assert not list(out.glob("*.wav"))


def test_what_cannot_be_written_keeps_nobody_from_the_end(weights: str, tmp_path: Path) -> None:
    """In the last call it alone is missing of its batch, and the batch after it was never made."""
    out = tmp_path / "out"
    (out / "yes-3.wav").mkdir(parents=True)
    assert main(_command(weights, out, "--part", "1/2", count=12)) == 0
    assert main(_command(weights, out, count=12)) == 0
    assert len(_rows(out / "manifest.csv")) == 23
    assert main(_command(weights, out, count=12)) == 0
    assert len(_rows(out / "manifest.csv")) == 23


def test_after_the_end_a_part_makes_what_is_new(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever division; a task of a queue may come late."""
    out = tmp_path / "out"
    assert main(_command(weights, out, "--part", "1/1", count=16)) == 0
    with monkeypatch.context() as patch:
        patch.setattr(SpeechGenerator, "generate", lambda *a, **k: pytest.fail("made twice"))
        for part in ("1/2", "2/2", "2/3"):
            assert main(_command(weights, out, "--part", part, count=16)) == 0
    assert main(_command(weights, out, "--part", "1/2", count=32)) == 0
    assert main(_command(weights, out, "--part", "2/2", count=32)) == 0
    assert main(_command(weights, out, "--part", "1/1", count=32)) == 0
    assert len(_rows(out / "manifest.csv")) == 64


def test_folders_of_others(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of `expand`, of another arithmetic, and with a damaged note."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "settings.json").write_text("{}")
    assert main(_command(weights, out, "--part", "1/2", count=2)) == 1
    assert f"{out}: has clips of another command" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["settings.json"]
    (out / "settings.json").unlink()
    low = ("--backend", "torch-bf16", "--part", "1/2")
    assert main(_command(weights, out, *low, count=2)) == 0
    assert main(_command(weights, out, count=2)) == 1
    assert f"{out}: has clips made with other precision" in capsys.readouterr().err
    assert main(["expand", str(tmp_path), "--weights", weights, "--out", str(out)]) == 1
    (out / "job.json").write_text("")
    assert main(_command(weights, out, count=2)) == 1
    assert f"{out / 'job.json'}: damaged" in capsys.readouterr().err


def test_nothing_more_is_made_where_nothing_can_be_written(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sound is left out and named; a batch of which none is written ends the command."""
    out = tmp_path / "out"
    (out / "yes-0.wav").mkdir(parents=True)
    assert main(_command(weights, out, "--part", "1/1", count=2)) == 0
    assert f"left out: {out / 'yes-0.wav'}: cannot be written" in capsys.readouterr().err
    assert len(_rows(out / "manifest.csv")) == 3
    other = tmp_path / "other"
    for name in ("yes-0", "yes-1", "no-0", "no-1"):
        (other / f"{name}.wav").mkdir(parents=True)
    assert main(_command(weights, other, "--part", "1/1", count=2)) == 1
    assert f"none of 4 sounds was written: {other / 'yes-0.wav'}" in capsys.readouterr().err
