"""Stopping cleanly, showing progress, and logging to JSON lines."""

from __future__ import annotations

import json
import os
import signal
import time
from argparse import Namespace
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from tqdm import tqdm


class StopCleanly(lightning.Callback):
    """Ends training after the step in hand when a time budget is used up, or on SIGTERM or Ctrl-C.

    Attributes:
        minutes: budget of this command; 0 = none.
        reason: why training was stopped before its last step, or None.
    """

    def __init__(self, minutes: float = 0.0) -> None:
        self.minutes = minutes
        self.reason: str | None = None
        self._previous: dict[int, Any] = {}
        self._start = time.monotonic()

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.reason = signal.Signals(number).name

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        if self.minutes and time.monotonic() - self._start > 60 * self.minutes:
            self.reason = self.reason or f"the budget of {self.minutes:g} minutes is used up"
        if self.reason:
            trainer.should_stop = True

    def teardown(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()


class StepBar(lightning.Callback):
    """A progress bar over all steps of the run, those of earlier commands included."""

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.bar = tqdm(
            desc="training",
            unit="step",
            total=trainer.max_steps,
            initial=trainer.global_step,
            disable=not trainer.is_global_zero,
        )

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        shown = {name: f"{value:.3f}" for name, value in trainer.progress_bar_metrics.items()}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(trainer.global_step - self.bar.n)

    def teardown(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        if hasattr(self, "bar"):
            self.bar.close()


class JsonLinesLogger(Logger):
    """One JSON object a line in `folder/log.jsonl`: step, seconds since the epoch, metrics."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = Path(folder) / "log.jsonl"

    @property
    def name(self) -> str:
        return "jsonl"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row = {"step": step, "time": round(time.time(), 3)}
        row |= {name: round(float(value), 6) for name, value in metrics.items() if name != "epoch"}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Hyper-parameters are kept in `config.yaml` beside the log."""
