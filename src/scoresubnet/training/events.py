"""The metrics of a run for TensorBoard."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from io import BytesIO
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from scoresubnet.files import append


class EventsLogger(Logger):
    """A file of scalars in the folder, each step written as a whole when it is logged.

    Lightning's logger writes from a thread, which prints a traceback where the disk is full and
    leaves the training to fail without a name, and loses two minutes when the process is killed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        name = f"events.out.tfevents.{time.time_ns()}.{os.getpid()}"
        self.path, self._begun = Path(folder) / name, False

    @property
    def name(self) -> str:
        return "events"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if not self._begun:
            self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))
            self._begun = True
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()]
        self._add(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _add(self, event: Event) -> None:
        record = BytesIO()
        RecordWriter(record).write(event.SerializeToString())
        append(self.path, record.getvalue())

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Hyper-parameters are kept in `config.yaml` beside it."""
