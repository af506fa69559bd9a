"""The loop of every training: a folder, one command, and the same command again to go on."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import DDPStrategy

from scoresubnet.process.machine_errors import machine_error
from scoresubnet.training import ranks
from scoresubnet.training.callbacks import (
    MissedValidation,
    MovingAverage,
    RunCheckpoint,
    StepBar,
    StopCleanly,
    StopEarly,
    TrainRows,
    WholeFiles,
)
from scoresubnet.training.clip_data import ClipData
from scoresubnet.training.config import Training
from scoresubnet.training.folder import CHECKPOINT
from scoresubnet.training.logs import EventsLogger, JsonLinesLogger
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.process import ended_by
from scoresubnet.training.steps import seeded

_log = logging.getLogger(__name__)
BESIDE_THE_POINT = (
    "You're resuming from a checkpoint that ended before the epoch ended",  # draws go by the step
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    "The '.*_dataloader' does not have many workers",  # rows are read from memory maps
    r"Found .* module\(s\) in eval mode",  # the frozen classifier
    r"It is recommended to use `self\.log\(.*sync_dist",  # each process logs what all have
)
"""How warnings of Lightning begin that do not apply to these trainings."""


def fit(
    module: StepTraining,
    data: ClipData[Any],
    config: Training,
    out: str | os.PathLike[str],
    save: Callable[[Path], None],
) -> None:
    """Train from the last checkpoint on, and save the averaged weights, which the module then has.

    The folder gets `log.jsonl`, TensorBoard files and `checkpoint.ckpt`, beside `config.yaml`.

    Args:
        module: what is trained.
        data: its batches.
        config: the run.
        out: its folder, claimed.
        save: writes the weights into a folder.

    Where several processes train together, all call it, and the first one writes.

    Raises:
        ValueError: they have different recordings; the checkpoint is damaged, or not one of this
            run; or patience has no validation clips.
    """
    run, out, rank = config.run, Path(out), ranks.here()
    if not ranks.are_alike(data.fingerprint()):
        raise ValueError(
            "the processes see different recordings; put them on a disk that all nodes share"
        )
    checkpoint = out / CHECKPOINT
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    stop, log = StopCleanly(run.minutes), JsonLinesLogger(out)
    validate_every = min(run.validate_every, run.steps)
    if run.patience and not data.has_validation:
        raise ValueError("run.patience needs validation clips; set it to 0, or add some")
    early = [StopEarly(log, run.patience)] if run.patience else []
    missed = MissedValidation(log, validate_every if data.has_validation else 0)
    trainer = lightning.Trainer(
        accelerator=_accelerator(rank),
        devices=1 if rank is None else run.devices,
        num_nodes=1 if rank is None else run.nodes,
        strategy="auto" if rank is None else DDPStrategy(),
        use_distributed_sampler=False,  # every process draws the whole batch, see `ranks.share`
        precision=module.arithmetic,
        max_epochs=-1,
        max_steps=run.steps,
        limit_train_batches=run.steps,
        limit_val_batches=1.0 if data.has_validation else 0,
        val_check_interval=validate_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=config.optimiser.gradient_clip,
        inference_mode=False,  # it would kill the gradient taps
        logger=[EventsLogger(out), log],
        log_every_n_steps=0,  # `TrainRows` does it
        plugins=[WholeFiles(), *([] if rank is None else [rank])],
        callbacks=[
            MovingAverage(config.optimiser.ema_decay),
            stop,
            *([StepBar()] if ranks.is_first() else []),
            TrainRows(),
            RunCheckpoint(checkpoint, run.save_every, validate_every),
            missed,
            *early,
        ],
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=out,
    )
    if rank is not None:  # Lightning's own handler of SIGTERM talks to the others in mid-sentence
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    resume = checkpoint if ranks.tell(checkpoint.exists()) else None
    threads = torch.get_num_threads()
    torch.set_num_threads(run.threads or (rank and rank.threads) or threads)
    try:
        with seeded(run.seed), warnings.catch_warnings():  # loaders draw seeds, for nothing
            for message in BESIDE_THE_POINT:
                warnings.filterwarnings("ignore", message)
            with _named_errors(resume, stop):
                trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
            (stopped,) = ranks.most(stop.reason is not None)
            if not stopped and missed.is_due(trainer.global_step):  # all steps were done before
                trainer.validate(module, datamodule=data, verbose=False)
    finally:
        torch.set_num_threads(threads)
    if ranks.is_first():
        save(out)
    if any(one.is_over for one in early):
        _log.warning(
            "ended at step %d: the validation loss was smallest at step %d",
            trainer.global_step,
            early[0].best + 1,
        )
    elif stop.reason and trainer.global_step < run.steps:
        _log.warning(
            "stopped at step %d of %d: %s; the same command goes on from there",
            trainer.global_step,
            run.steps,
            stop.reason,
        )
    if stop.signal and ranks.is_first():  # the end of another one may not end the one that saves
        ended_by(stop.signal)


def _accelerator(rank: ranks.Rank | None) -> str:
    """Lightning's name of what trains; several processes have GPUs of NVIDIA or the CPU."""
    if rank is None:
        return "auto"
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _named_errors(checkpoint: Path | None, stop: StopCleanly) -> Iterator[None]:
    """What goes wrong before the first step of a resumed run is due to its checkpoint.

    Other than what the machine lacks: rights, a disk, a package, memory, a GPU or another process.

    Raises:
        ValueError: the checkpoint is damaged, or not one of this run.
        KeyboardInterrupt: as it was, where Lightning has made a `SystemExit` of it.
    """
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    except Exception as error:
        if checkpoint is None or stop.started or _is_of_the_machine(error):
            raise
        why = str(error).strip() or type(error).__name__
        reason = re.split(r"\. |\n", why)[0].rstrip(":.")  # torch goes on with unsafe advice
        raise ValueError(
            f"{checkpoint}: damaged, or not a checkpoint of this run ({reason}); "
            "delete it to begin again, or choose another --out"
        ) from error


def _is_of_the_machine(error: Exception) -> bool:
    if ranks.is_lost(error):
        return True
    if isinstance(error, OSError):
        return not isinstance(error, IsADirectoryError)
    return isinstance(error, ImportError) or machine_error(error) is not None
