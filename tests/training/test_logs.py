import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scoresubnet.training.logs import EventsLogger, JsonLinesLogger


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """As TensorBoard reads them."""
    read = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, event.value) for event in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }


def test_tensorboard_reads_them_at_once(tmp_path: Path) -> None:
    logger = EventsLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.5, "rate": torch.tensor(2.0)}, step=3)  # type: ignore[dict-item]
    logger.log_metrics({"train/loss": 0.25}, step=4)
    assert scalars(tmp_path) == {"train/loss": [(3, 0.5), (4, 0.25)], "rate": [(3, 2.0)]}


def test_a_full_disk_is_named_and_leaves_what_was_written(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    logger = EventsLogger(tmp_path)
    logger.log_metrics({"loss": 0.5}, step=1)
    size = logger.path.stat().st_size
    with full_disk(size + 10), pytest.raises(OSError, match=f"{logger.path}: cannot be written"):
        logger.log_metrics({"loss": 0.25}, step=2)
    logger.log_metrics({"loss": 0.125}, step=3)
    assert scalars(tmp_path) == {"loss": [(1, 0.5), (3, 0.125)]}


def test_log_is_one_object_a_line_and_is_appended_to(tmp_path: Path) -> None:
    JsonLinesLogger(tmp_path).log_metrics({"a/b": 1 / 3, "epoch": 0}, step=5)
    JsonLinesLogger(tmp_path).log_metrics({"c": torch.tensor(2.0)}, step=6)  # type: ignore[dict-item]
    first, second = (json.loads(line) for line in (tmp_path / "log.jsonl").open())
    assert first.keys() == {"step", "time", "a/b"}
    assert (first["step"], first["a/b"]) == (5, pytest.approx(1 / 3, abs=1e-6))
    assert (second["step"], second["c"]) == (6, 2.0)
    assert second["time"] >= first["time"] > 1.6e9


def test_small_values_keep_their_digits(tmp_path: Path) -> None:
    """A learning rate or a loss of 1e-7 is not 0."""
    JsonLinesLogger(tmp_path).log_metrics({"loss": 1.2345e-7}, step=0)
    assert json.loads((tmp_path / "log.jsonl").read_text())["loss"] == pytest.approx(1.2345e-7)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_diverged_runs_leave_a_log_that_can_be_read(value: float, tmp_path: Path) -> None:
    """NaN is no JSON; readers in other languages stop at it."""
    JsonLinesLogger(tmp_path).log_metrics({"loss": value}, step=0)

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=refuse)


def test_half_a_row_is_no_validation(tmp_path: Path) -> None:
    """A full disk or a lost machine leaves one; the validation is made up for."""
    log = JsonLinesLogger(tmp_path)
    log.path.write_text('{"step": 3, "time": 1.5, "valid/loss": 0.')
    assert not log.has_validation(3)
    log.path.write_text('{"step": 3, "time": 1.5, "valid/loss": 0.1}\n')
    assert log.has_validation(3)
    assert not log.has_validation(2)
