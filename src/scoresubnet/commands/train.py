"""`scoresubnet train classifier|score|vocoder|evaluator`: a config in, a run folder out."""

from __future__ import annotations

from typing import Any

from jsonargparse import Namespace

from scoresubnet.allocator import keep_freed_memory
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import (
    ClassifierTraining,
    EvaluatorTraining,
    ScoreTraining,
    VocoderTraining,
)
from scoresubnet.training.evaluator import train_evaluator
from scoresubnet.training.score import train_score
from scoresubnet.training.vocoder import train_vocoder
from scoresubnet.vocoders.vocos import FILE_NAME as VOCODER_FILE
from scoresubnet.weights import FILE_NAME
from scoresubnet.word_evaluator.file import FILE_NAME as EVALUATOR_FILE


def run_classifier(values: Namespace) -> None:
    """Train a classifier, or go on training.

    Raises:
        ValueError: the data, the config or the weights to start from cannot be used.
    """
    fields, out, start = _prepare(values)
    train_classifier(ClassifierTraining(**fields), out, start)
    print(f"{out}/{FILE_NAME}")


def run_score(values: Namespace) -> None:
    """Train a Score Subnet, or go on training.

    Raises:
        ValueError: the data, the config, the classifier or the weights to start from cannot be
            used.
    """
    fields, out, start = _prepare(values)
    classifier = fields.pop("classifier")
    train_score(ScoreTraining(**fields), classifier, out, start)
    print(f"{out}/{FILE_NAME}")


def run_vocoder(values: Namespace) -> None:
    """Train a vocoder, or go on training.

    Raises:
        ImportError: the pitch tracker is not installed.
        ValueError: the data, the config or the vocoder to start from cannot be used.
    """
    fields, out, start = _prepare(values)
    train_vocoder(VocoderTraining(**fields), out, start)
    print(f"{out}/{VOCODER_FILE}")


def run_evaluator(values: Namespace) -> None:
    """Train an evaluator, or go on training.

    Raises:
        ValueError: the data, the config or the evaluator to start from cannot be used.
    """
    fields, out, start = _prepare(values)
    train_evaluator(EvaluatorTraining(**fields), out, start)
    print(f"{out}/{EVALUATOR_FILE}")


def _prepare(values: Namespace) -> tuple[dict[str, Any], str, str | None]:
    """The fields of the training's config, the folder of the run, the weights to start from.

    It prepares the process for a training as well.
    """
    keep_freed_memory()
    fields = dict(vars(values))
    fields.pop("config")
    return fields, fields.pop("out"), fields.pop("start")
