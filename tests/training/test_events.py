from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scoresubnet.training.events import EventsLogger


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
