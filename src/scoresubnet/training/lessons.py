"""Lessons: log-Mels with what a teacher says of each stretch of time in them; their batches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.words import as_labels
from scoresubnet.training.clip_data import Check
from scoresubnet.training.config import EvaluatorTraining
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.steps import balanced_weights
from scoresubnet.weight_files.file_metadata import metadata_errors
from scoresubnet.weight_files.places import file_in
from scoresubnet.weight_files.tensor_files import read_described, write_described

FORMAT = "scoresubnet-lessons/2"
FILE_NAME = "lessons.safetensors"
SEGMENTS = 13
"""Spans of time that a teacher describes one by one."""


@dataclass
class Lessons:
    """N lessons, as a file holds them.

    Attributes:
        x: log-Mels in [-1, 1] (N, F, T), float16.
        targets: the teacher's features (N, SEGMENTS, D), float16.
        answers: which word the teacher hears (N, C), probabilities, float16.
        labels: the word of each (N,), an index of `words`.
        whole: whether the word is all that is said in it (N,); elsewhere only the teacher counts.
        words: the labels.
        mel: the front end of `x`.
    """

    x: Tensor
    targets: Tensor
    answers: Tensor
    labels: Tensor
    whole: Tensor
    words: tuple[str, ...]
    mel: MelSettings

    def heard(self, rows: list[int]) -> Tensor:
        """Words to learn (B, C), as probabilities.

        The answers of the teacher, halfway towards the label where that is all that is said.
        """
        answers = self.answers[rows].float()
        labels = F.one_hot(self.labels[rows], len(self.words))
        return answers.lerp(labels.float(), 0.5 * self.whole[rows, None])


def save_lessons(lessons: Lessons, folder: str | os.PathLike[str]) -> Path:
    """Write the file into the folder; returns its path."""
    path = Path(folder) / FILE_NAME
    names = ("x", "targets", "answers", "labels", "whole")
    tensors = {name: getattr(lessons, name) for name in names}
    about = {"words": lessons.words}
    write_described(path, FORMAT, tensors, lessons.mel, about, torch.float16)
    return path


def lessons_path(source: str | os.PathLike[str]) -> Path:
    """The file itself, or the one in a folder.

    Raises:
        WeightsError: it is not there.
    """
    return file_in(source, FILE_NAME, "lessons")


def read_lessons(source: str | os.PathLike[str]) -> Lessons:
    """Read lessons.

    Args:
        source: the file, or the folder that holds it.

    Raises:
        WeightsError: nothing is there, or it is truncated or foreign.
    """
    path = lessons_path(source)
    tensors, about, mel = read_described(path, FORMAT)
    with metadata_errors(path):
        words = as_labels(about["words"])
        labels, whole = tensors.pop("labels").long(), tensors.pop("whole").bool()
        return Lessons(**tensors, labels=labels, whole=whole, words=words, mel=mel)


class LessonBatch(NamedTuple):
    """x (B, 1, F, T) in [-1, 1], words (B, C), probabilities, and targets (B, SEGMENTS, D)."""

    x: Tensor
    words: Tensor
    targets: Tensor


class LessonData(SpeechData):
    """Lessons to train on, and the validation clips of the config.

    Args:
        config: the run, with `lessons`.
        mel: the front end of the evaluator.
        check: see `ClipData`.

    Raises:
        ValueError: the data cannot be used, or the lessons are of other words or features.
        WeightsError: the lessons cannot be read.
    """

    def __init__(
        self, config: EvaluatorTraining, mel: MelSettings, check: Check | None = None
    ) -> None:
        super().__init__(config.data, config.run.seed, mel, check)
        assert config.lessons is not None
        self.lessons: Lessons = read_lessons(config.lessons)
        if self.lessons.words != self.words or self.lessons.mel != mel:
            raise ValueError(
                f"{config.lessons}: lessons in the words {', '.join(self.lessons.words)} "
                f"(features {self.lessons.mel.hash}), but this run is of the words "
                f"{', '.join(self.words)} (features {mel.hash}); make lessons for it"
            )

    def draws(self) -> tuple[NDArray[np.int64], Tensor]:
        labels = self.lessons.labels.numpy()
        return np.arange(len(labels)), balanced_weights(labels, self.config.balance)

    def training_batch(self, rows: list[int]) -> LessonBatch:
        lessons = self.lessons
        return LessonBatch(
            lessons.x[rows].float()[:, None], lessons.heard(rows), lessons.targets[rows].float()
        )
