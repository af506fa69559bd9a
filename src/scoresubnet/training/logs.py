"""What a run logs: `log.jsonl` for programs, TensorBoard's events to look at."""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from argparse import Namespace
from contextlib import suppress
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from scoresubnet.files import append, append_line

LOG = "log.jsonl"


def rounded(value: float) -> float:
    """As the log has it."""
    return float(f"{value:.6g}")


class FileLogger(Logger):
    """A file that grows by what each step logs, as a whole or not at all.

    Args:
        folder: of the run.
        file: its name in there.
    """

    def __init__(self, folder: str | os.PathLike[str], file: str) -> None:
        super().__init__()
        self.path = Path(folder) / file

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Hyper-parameters are kept in `config.yaml` beside it."""


class JsonLinesLogger(FileLogger):
    """One JSON object a line in `folder/log.jsonl`: step, seconds since the epoch, metrics."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(folder, LOG)

    def has_validation(self, step: int) -> bool:
        """Whether a validation was logged at that step, counted from 0."""
        if not self.path.is_file():
            return False
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        told = (f'"step": {step},', '"valid/', "}")  # a row that was cut short has no end
        return any(all(part in line for part in told) for line in lines)

    def validation_losses(self) -> dict[int, float]:
        """Steps, counted from 0, and the loss of the validation after each."""
        found: dict[int, float] = {}
        if not self.path.is_file():
            return found
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            if '"valid/loss"' not in line:
                continue
            try:
                row = json.loads(line)
            except ValueError:  # cut short
                continue
            if row["valid/loss"] is not None:
                found[row["step"]] = row["valid/loss"]
        return found

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row: dict[str, float | None] = {"step": step, "time": round(time.time(), 3)}
        for name, value in metrics.items():
            if name != "epoch":  # JSON has no NaN
                row[name] = rounded(value) if math.isfinite(value) else None
        append_line(self.path, json.dumps(row))


class EventsLogger(FileLogger):
    """TensorBoard's scalars.

    Lightning's logger writes from a thread, which prints a traceback where the disk is full and
    leaves the training to fail without a name, and loses two minutes when the process is killed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(folder, f"events.out.tfevents.{time.time_ns()}.{os.getpid()}")

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if not self.path.exists() or not self.path.stat().st_size:
            self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()]
        self._add(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _add(self, event: Event) -> None:
        record = BytesIO()
        RecordWriter(record).write(event.SerializeToString())
        append(self.path, record.getvalue())


def median_pace(log: Path) -> float | None:
    """Seconds from step to step at the median of a run, stops left out.

    Args:
        log: its `log.jsonl`, whose rows of training are twenty steps apart.

    Returns:
        None where fewer than two rows were logged.
    """
    rows: list[dict[str, Any]] = []
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    for line in lines:
        with suppress(ValueError):  # cut short
            rows.append(json.loads(line))
    rows = [row for row in rows if any(key.startswith("train/") for key in row)]
    paces = [
        (b["time"] - a["time"]) / (b["step"] - a["step"])
        for a, b in pairwise(rows)
        if b["step"] > a["step"] and b["time"] > a["time"]
    ]
    return statistics.median(paces) if paces else None
