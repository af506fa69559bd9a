"""The benchmark of a busy machine runs, and its ratios are those of the same round."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import busy
from benchmarks.report import BusyRow, Spread
from benchmarks.timing import Times
from scoresubnet.audio.mel import MelSettings
from scoresubnet.cli import SPIN_COUNT
from scoresubnet.model import ScoreModel
from scoresubnet.weights import ModelFile, save_model


def test_ratios_are_of_the_same_round() -> None:
    first, idle, busy_times = Times((1.0, 2.0, 4.0)), Times((2.0, 2.0, 2.0)), Times((6.0, 8.0, 4.0))
    row = BusyRow.of("passive", idle, busy_times, first)
    assert row.ratio == Spread(3.0, 2.0, 4.0)
    assert row.idle_cost == Spread(1.0, 0.5, 2.0)
    assert row.busy_ms == Spread(6000.0, 4000.0, 8000.0)


def test_words_are_timed_in_processes_that_wait_in_their_own_way(
    tmp_path: Path,
    make_score_model: Callable[..., ScoreModel],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")  # of this process: no speaker gets it
    started: list[dict[str, str]] = []
    popen = subprocess.Popen

    def noted(command: list[str], **settings: Any) -> object:
        if "env" in settings:
            started.append(settings["env"])
        return popen(command, **settings)

    monkeypatch.setattr(subprocess, "Popen", noted)
    model = make_score_model("v", classes=2)
    classifier, path = model.backbone.classifier, tmp_path / "tiny.safetensors"
    save_model(
        ModelFile(classifier, ("yes", "no"), model.sde, MelSettings(), model.subnet, "v"), path
    )
    options = ["--rounds", "2", "--threads", "1", "--others", "1", "--weights", str(path)]
    assert busy.main(["--out", str(tmp_path), *options]) == 0
    rows = json.loads((tmp_path / "busy.json").read_text())["rows"]
    assert [row["waiting"] for row in rows] == list(busy.WAITING)
    told = [[each.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")] for each in started]
    assert told == [[None, None], [None, SPIN_COUNT], ["passive", None]]
    assert all(row["rounds"] == 2 and row["idle_ms"]["least"] > 0 for row in rows)
    assert rows[0]["idle_cost"] == {"median": 1.0, "least": 1.0, "most": 1.0}
    assert "| passively |" in capsys.readouterr().out
