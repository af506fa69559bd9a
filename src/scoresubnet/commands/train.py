"""`scoresubnet train classifier|score|unet|vocoder|evaluator`: a config in, a run folder out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.utilities import rank_zero_only

from scoresubnet.files import escaped
from scoresubnet.model_about import FILE_NAME
from scoresubnet.process.allocator import keep_freed_memory
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import TRAININGS
from scoresubnet.training.evaluator import train_evaluator
from scoresubnet.training.process import ended_trainings
from scoresubnet.training.score import train_score
from scoresubnet.training.unet import train_unet
from scoresubnet.training.vocoder import train_vocoder
from scoresubnet.vocoders.paths import FILE_NAME as VOCODER_FILE
from scoresubnet.word_evaluator.file import FILE_NAME as EVALUATOR_FILE


def run_classifier(values: Namespace) -> None:
    """Train a classifier, or go on training; errors are those of `train_classifier`."""
    _run(values, "classifier", train_classifier, FILE_NAME)


def run_score(values: Namespace) -> None:
    """Train a Score Subnet, or go on training; errors are those of `train_score`."""
    _run(values, "score", train_score, FILE_NAME)


def run_unet(values: Namespace) -> None:
    """Train a U-Net, or go on training; errors are those of `train_unet`."""
    _run(values, "unet", train_unet, FILE_NAME)


def run_vocoder(values: Namespace) -> None:
    """Train a vocoder, or go on training; errors are those of `train_vocoder`."""
    _run(values, "vocoder", train_vocoder, VOCODER_FILE)


def run_evaluator(values: Namespace) -> None:
    """Train an evaluator, or go on training; errors are those of `train_evaluator`."""
    _run(values, "evaluator", train_evaluator, EVALUATOR_FILE)


def _run(values: Namespace, kind: str, train: Callable[..., Any], file_name: str) -> None:
    keep_freed_memory()
    fields = dict(vars(values))
    fields.pop("config")
    out, start = fields.pop("out"), fields.pop("start")
    if out != escaped(out):
        raise ValueError(f"--out {out}: its name is not UTF-8, which TensorBoard needs; rename it")
    built_on = [fields.pop("classifier")] if kind == "score" else []
    with ended_trainings() as signals:
        train(TRAININGS[kind](**fields), *built_on, out, start)
    if signals:  # so that a script does not go on with weights of half a training
        raise SystemExit(128 + signals[0])
    rank_zero_only(print)(f"{out}/{file_name}")  # of several processes, one says it
