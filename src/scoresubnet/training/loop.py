"""The loop of every training: a folder, one command, and the same command again to go on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch

from scoresubnet.training.callbacks import (
    JsonLinesLogger,
    MovingAverage,
    RunCheckpoint,
    StepBar,
    StopCleanly,
)
from scoresubnet.training.clip_data import ClipData
from scoresubnet.training.config import Training
from scoresubnet.training.events import EventsLogger
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.steps import seeded

_log = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.ckpt"


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
    """
    run, out = config.run, Path(out)
    checkpoint = out / CHECKPOINT
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    stop = StopCleanly(run.minutes)
    trainer = lightning.Trainer(
        devices=1,
        precision=module.arithmetic,
        max_epochs=-1,
        max_steps=run.steps,
        limit_train_batches=run.steps,
        limit_val_batches=1.0 if data.has_validation else 0,
        val_check_interval=min(run.validate_every, run.steps),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=config.optimiser.gradient_clip,
        inference_mode=False,  # it would kill the gradient taps
        logger=[EventsLogger(out), JsonLinesLogger(out)],
        log_every_n_steps=20,
        callbacks=[
            MovingAverage(config.optimiser.ema_decay),
            stop,
            StepBar(),
            RunCheckpoint(checkpoint, run.save_every),
        ],
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=out,
    )
    resume = checkpoint if checkpoint.exists() else None
    threads = torch.get_num_threads()
    torch.set_num_threads(run.threads or threads)
    try:
        with seeded(run.seed):  # a loader draws from the global generator, for nothing
            trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    finally:
        torch.set_num_threads(threads)
    save(out)
    if stop.reason:
        _log.warning(
            "stopped at step %d of %d: %s; the same command goes on from there",
            trainer.global_step,
            run.steps,
            stop.reason,
        )
