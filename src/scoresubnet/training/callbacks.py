"""Callbacks around the steps: averaging, stopping cleanly, saving and showing."""

from __future__ import annotations

import math
import os
import signal
import time
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Checkpoint, WeightAveraging
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor
from tqdm import tqdm

from scoresubnet.files import write_bytes
from scoresubnet.training import ranks
from scoresubnet.training.logs import JsonLinesLogger, rounded
from scoresubnet.training.process import in_main_thread


def decay_at(count: int, decay: float) -> float:
    """Decay after `count` updates; it grows to `decay`, so that first weights are soon forgotten.

    The average spans about a ninth of the steps so far, until 1 / (1 - decay) is reached.
    """
    return min(decay, (1 + count) / (10 + count))


class MovingAverage(WeightAveraging):
    """Exponential moving average of the parameters; `fit` leaves it in the module.

    By interpolation, which is exact where both values are equal: a frozen parameter stays as it is,
    bit for bit, where Lightning's `EMAWeightAveraging` lets it drift by rounding.
    """

    def __init__(self, decay: float) -> None:
        def interpolate(averages: list[Tensor], current: list[Tensor], count: Tensor) -> None:
            torch._foreach_lerp_(averages, current, 1 - decay_at(int(count), decay))

        super().__init__(use_buffers=False, multi_avg_fn=interpolate)

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Also where the run had ended before: then Lightning does not call `on_train_end`."""
        self.on_train_end(trainer, pl_module)


class StopCleanly(lightning.Callback):
    """Ends training after the step in hand when a time budget is used up, or on SIGTERM or Ctrl-C.

    A signal also ends a validation, of which nothing is logged then. Processes that train together
    end together, whichever has got the signal.

    Attributes:
        minutes: budget of this command; 0 = none.
        reason: why training was stopped before its last step, or None.
        signal: the number of the signal that stopped it, or 0.
        started: whether the first step was reached: there is nothing left to restore.
    """

    def __init__(self, minutes: float = 0.0) -> None:
        self.minutes = minutes
        self.reason: str | None = None
        self.signal = 0
        self.started = False
        self._loggers: list[Logger] = []
        self._previous: dict[int, Any] = {}
        self._start = time.monotonic()

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        self.started = True
        for number in (signal.SIGTERM, signal.SIGINT) if in_main_thread() else ():
            if signal.getsignal(number) is not signal.SIG_IGN:  # as in a shell's background
                self._previous[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.reason, self.signal = signal.Signals(number).name, number
        self._restore()  # a second signal acts as it would without us

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        late = self.minutes > 0 and time.monotonic() - self._start > 60 * self.minutes
        heard, over = ranks.most(self.signal, late)
        if heard:
            self.reason, self.signal = signal.Signals(heard).name, heard
        elif over:
            self.reason = f"the budget of {self.minutes:g} minutes is used up"
        if heard or over:  # not by what this process alone knows
            trainer.should_stop = True

    def on_validation_batch_start(self, trainer: lightning.Trainer, *args: Any) -> None:
        (heard,) = ranks.most(self.signal)
        if heard:
            self.reason, self.signal = signal.Signals(heard).name, heard
            trainer.should_stop = True
            self._loggers, trainer.loggers = trainer.loggers, []
            raise StopIteration  # Lightning takes it for the end of the validation clips

    def on_validation_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        trainer.loggers = self._loggers or trainer.loggers

    def on_train_end(self, *args: Any) -> None:
        self._restore()

    def on_exception(self, *args: Any) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()


class TrainRows(lightning.Callback):
    """Logs the values of every twentieth step, before the checkpoint of that step is written.

    Lightning logs them after it, and a kill between the two loses them for good.
    """

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        if trainer.global_step % 20 == 0:
            values = trainer.callback_metrics.items()
            row = {name: float(value) for name, value in values if name.startswith("train/")}
            for logger in trainer.loggers:
                logger.log_metrics(row, trainer.global_step - 1)
                logger.save()


class WholeFiles(TorchCheckpointIO):
    """Writes checkpoints complete or not at all; Lightning's way is through the system's /tmp."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        file = BytesIO()
        torch.save(checkpoint, file)
        write_bytes(path, file.getbuffer())


class RunCheckpoint(Checkpoint):
    """Writes the checkpoint every so many minutes, before each validation, and at the last step.

    Args:
        path: of the checkpoint.
        minutes: the longest time between two.
        validate_every: steps between validations; a stop in one of them loses no step.
    """

    def __init__(self, path: Path, minutes: float, validate_every: int) -> None:
        self.path, self.interval, self.last = path, 60 * minutes, time.monotonic()
        self.validate_every = validate_every

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any
    ) -> None:
        ends = trainer.should_stop or trainer.global_step >= trainer.max_steps
        (late,) = ranks.most(time.monotonic() - self.last > self.interval)
        if ends or late or trainer.global_step % self.validate_every == 0:
            trainer.save_checkpoint(self.path)
            self.last = time.monotonic()


class MissedValidation(lightning.Callback):
    """Validates first where a run was stopped between its last step and the validation of that.

    Args:
        history: log of the run, which tells what was validated.
        every: steps between validations; 0 = there are none.
    """

    def __init__(self, history: JsonLinesLogger, every: int) -> None:
        self.history, self.every = history, every

    def is_due(self, step: int) -> bool:
        """Whether a validation after so many steps is missing in the log."""
        due = self.every > 0 and step > 0 and step % self.every == 0
        return due and not ranks.tell(self.history.has_validation(step - 1))

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        if self.is_due(trainer.global_step):
            trainer.validating = True
            trainer.fit_loop.epoch_loop.val_loop.run()
            trainer.training = True


class StopEarly(lightning.Callback):
    """Ends training for good where the loss of the validation clips falls no more.

    Args:
        history: log of the run, which tells earlier losses.
        patience: validations in a row that may be no better than one before.

    Attributes:
        losses: step, counted from 0 -> loss.
    """

    def __init__(self, history: JsonLinesLogger, patience: int) -> None:
        self.losses = history.validation_losses()
        self.patience = patience

    @property
    def best(self) -> int:
        """The step after which the loss was smallest, counted from 0."""
        return min(self.losses, key=lambda step: (self.losses[step], step))

    @property
    def is_over(self) -> bool:
        """Whether patience is at its end, as the first process sees it, which has the log."""
        over = bool(self.losses) and sum(s > self.best for s in self.losses) >= self.patience
        return ranks.tell(over)

    def on_train_start(self, trainer: lightning.Trainer, *args: Any) -> None:
        trainer.should_stop |= self.is_over

    def on_validation_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        if trainer.should_stop:  # it may have been broken off; the log tells when the run goes on
            return
        loss = float(trainer.callback_metrics["valid/loss"])
        if math.isfinite(loss):
            self.losses[trainer.global_step - 1] = rounded(loss)
        trainer.should_stop |= self.is_over


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
        )

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        shown = {name: f"{value:.3f}" for name, value in trainer.progress_bar_metrics.items()}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(trainer.global_step - self.bar.n)

    def on_train_end(self, *args: Any) -> None:
        self.bar.close()

    def on_exception(self, *args: Any) -> None:
        if hasattr(self, "bar"):
            self.bar.close()
