"""Runs that end by themselves where the loss of the validation clips falls no more."""

import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.data.sources import Source, find_clips
from scoresubnet.training.callbacks import StopEarly
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining, OptimiserConfig, RunConfig
from scoresubnet.training.logs import JsonLinesLogger

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
STILL = OptimiserConfig(learning_rate=0.0)


def _run(**fields: Any) -> RunConfig:
    return RunConfig(**({"steps": 40, "seed": 3, "validate_every": 2, "patience": 3} | fields))


def _log(folder: Path, losses: list[float | None]) -> JsonLinesLogger:
    log = JsonLinesLogger(folder)
    for k, loss in enumerate(losses):
        log.log_metrics({"train/loss": 1.0}, 2 * k + 1)
        log.log_metrics({"valid/loss": float("nan") if loss is None else loss}, 2 * k + 1)
    return log


@pytest.mark.parametrize(
    ("losses", "best", "over"),
    [
        ([3, 2, 1], 5, False),
        ([1, 2, 3], 1, False),
        ([1, 2, 3, 4], 1, True),
        ([3, 1, 2, 2, 0.5], 9, False),
        ([1, 1, 1, 1], 1, True),  # no smaller
        ([2, None, 1], 5, False),
    ],
)
def test_when_it_is_over(losses: list[float | None], best: int, over: bool, tmp_path: Path) -> None:
    early = StopEarly(_log(tmp_path, losses), 3)
    assert (early.best, early.is_over) == (best, over)


def test_rows_that_were_cut_short_tell_nothing(tmp_path: Path) -> None:
    log = _log(tmp_path, [3, 2])
    with log.path.open("a") as file:
        file.write('{"step": 5, "valid/loss": 0.')
    assert log.validation_losses() == {1: 3, 3: 2}
    assert JsonLinesLogger(tmp_path / "none").validation_losses() == {}


def test_a_loss_that_stands_ends_the_run_for_good(
    classifier_run: MakeClassifier,
    tmp_path: Path,
    step_of: Callable[[Path], int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After one validation and three more; the same command then adds no step."""
    config = classifier_run(run=_run(), optimiser=STILL)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            train_classifier(config, tmp_path)
        assert step_of(tmp_path) == 8
        assert "ended at step 8: the validation loss was smallest at step 2" in caplog.text
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert max(steps) == 7


def test_a_run_that_is_stopped_counts_on(
    classifier_run: MakeClassifier, tmp_path: Path, step_of: Callable[[Path], int]
) -> None:
    """Validations of the commands before count."""
    for steps in (2, 4, 6):
        train_classifier(classifier_run(run=_run(steps=steps), optimiser=STILL), tmp_path)
        assert step_of(tmp_path) == steps
    train_classifier(classifier_run(run=_run(), optimiser=STILL), tmp_path)
    assert step_of(tmp_path) == 8


def test_a_loss_that_falls_is_let_go_on(
    classifier_run: MakeClassifier, tmp_path: Path, step_of: Callable[[Path], int]
) -> None:
    falling = OptimiserConfig(learning_rate=1e-3, warmup=1, ema_decay=0.1)
    config = classifier_run(run=_run(steps=12, patience=1), optimiser=falling)
    train_classifier(config, tmp_path)
    losses = JsonLinesLogger(tmp_path).validation_losses()
    better = [losses[k + 2] < losses[k] for k in range(1, max(losses), 2)]
    expected = 12 if all(better) else 2 * (better.index(False) + 2)
    assert step_of(tmp_path) == expected > 4


def test_without_validation_clips_it_is_refused(
    classifier_run: MakeClassifier, words_folder: Path, tmp_path: Path
) -> None:
    config = classifier_run(run=_run())
    trained = tmp_path / "trained"
    for clip in find_clips([{"kind": "folder", "root": str(words_folder)}]):
        if clip.split == "training":
            (trained / clip.label).mkdir(parents=True, exist_ok=True)
            (trained / clip.label / clip.path.name).write_bytes(clip.path.read_bytes())
    data = dataclasses.replace(config.data, sources=(Source("folder", str(trained)),))
    with pytest.raises(ValueError, match="patience needs validation clips; set it to 0"):
        train_classifier(dataclasses.replace(config, data=data), tmp_path / "out")
