"""The benchmark runs, with networks too small to be of use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import speed
from benchmarks.__main__ import main
from benchmarks.candidates import OUTSIDE, SUBNET, UNET, Candidate, step_candidates
from benchmarks.memory import peak_of
from benchmarks.timing import Times, in_rounds
from scoresubnet.audio.mel import MelSettings
from scoresubnet.model import ScoreModel
from scoresubnet.weights import ModelFile, save_model


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Path:
    model = make_score_model("v", classes=2)
    path = tmp_path / "tiny.safetensors"
    classifier = model.backbone.classifier
    save_model(
        ModelFile(classifier, ("yes", "no"), model.sde, MelSettings(), model.subnet, "v"), path
    )
    return path


def test_candidates_take_turns_and_a_slow_one_runs_once() -> None:
    order: list[str] = []
    now = 0.0

    def run(name: str, seconds: float) -> Callable[[], None]:
        def step() -> None:
            nonlocal now
            order.append(name)
            now += seconds

        return step

    runs = {"a": run("a", 1.0), "b": run("b", 2.0), "slow": run("slow", 21.0)}
    times = in_rounds(runs, 2, seconds=0.1, patience=20.0, clock=lambda: now)
    assert [len(t.rounds) for t in times.values()] == [2, 2, 1]
    assert order.count("slow") == 1
    # Timer adds untimed calls of its own; without repeats the order shows.
    turns = [name for k, name in enumerate(order) if order[k - 1] != name]
    assert turns[-4:] == ["a", "b", "a", "b"]


def test_a_ratio_is_of_the_same_round() -> None:
    """The machine is half as fast in the second round and ten times slower in the third."""
    mine, other = Times((2.0, 4.0, 20.0)), Times((1.0, 2.0, 10.0))
    assert mine.ratio(other) == 2.0
    assert Times((3.0,)).ratio(other) == 3.0


def test_no_round_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        in_rounds({}, 0, 1.0)


def test_the_command_writes_every_candidate_and_ratio(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sizes = ["--presets", "tiny", "--batches", "1", "2"]
    quickly = ["--rounds", "1", "--seconds", "1e-9", "--memory", "false", "--quick"]
    assert main([*sizes, *quickly, "--weights", str(weights), "--out", str(out)]) == 0
    record = json.loads((out / "speed.json").read_text())
    rows = {(row["name"], row["batch"]): row for row in record["steps"]}
    names = {candidate.name for candidate in step_candidates(["tiny"])}
    assert set(rows) == {(name, batch) for name in names for batch in (1, 2)}
    assert "U-Net + classifier, guided" in names
    for (name, batch), row in rows.items():
        assert row["step_ms_per_clip"] == pytest.approx(row["step_ms"] / batch)
        assert row["clip_ms"] == pytest.approx(row["step_ms_per_clip"] * row["steps"])
        assert row["steps"] == (200 if name == OUTSIDE else 100)
        reference = rows["Score Subnet, guided", batch]
        assert row["ratio"] == pytest.approx(row["clip_ms"] / reference["clip_ms"])
    clips = {(row["name"], row["batch"]): row for row in record["clips"]}
    assert clips["paper", 1]["evaluations"] == 100
    assert clips["heun, 10 steps", 1]["evaluations"] == 20
    assert clips["fast", 2]["evaluations"] == 10
    text = (out / "speed.md").read_text()
    assert all(name in text for name in names)


def test_what_was_measured_before_an_interruption_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = speed.step_rows

    def interrupted(candidates: Any, batch: int, *rest: Any) -> Any:
        if batch == 2:
            raise KeyboardInterrupt
        return rows(candidates, batch, *rest)

    monkeypatch.setattr(speed, "step_rows", interrupted)
    quickly = ["--presets", "tiny", "--rounds", "1", "--seconds", "1e-9", "--memory", "false"]
    others = ["--outside", "false", "--weights", "null", "--batches", "1", "2"]
    with pytest.raises(KeyboardInterrupt):
        main([*quickly, *others, "--out", str(tmp_path)])
    record = json.loads((tmp_path / "speed.json").read_text())
    assert {row["batch"] for row in record["steps"]} == {1}
    assert "Score Subnet, guided" in (tmp_path / "speed.md").read_text()


def test_an_unknown_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown preset 'smal'; .*: small"):
        main(["--presets", "smal", "--out", str(tmp_path)])


@pytest.mark.parametrize("model", [SUBNET, UNET])
def test_a_child_process_tells_its_memory(model: str) -> None:
    ours = b"1" * 2**30  # a parent's memory is not the child's
    peak = peak_of(Candidate(model, "tiny", guided=True), batch=2, threads=1)
    del ours
    assert 50 < peak.built <= peak.stepped < 1000


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"batch 2[\s\S]*KeyError"):
        peak_of(Candidate(SUBNET, "no such preset", guided=True), batch=2, threads=1)
