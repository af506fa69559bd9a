"""Lessons: log-Mels with what a teacher says of each stretch of time in them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.tensor_files import (
    file_in,
    mel_metadata,
    metadata_errors,
    read_mel,
    read_tensors,
    write_tensors,
)

FORMAT = "scoresubnet-lessons/2"
FILE_NAME = "lessons.safetensors"
SEGMENTS = 13
"""Spans of time that a teacher describes one by one."""


@dataclass
class Lessons:
    """What a file holds, N lessons.

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
        """What to learn of words (B, C), probabilities.

        The answers of the teacher, halfway towards the label where that is all that is said.
        """
        answers = self.answers[rows].float()
        labels = F.one_hot(self.labels[rows], len(self.words))
        return answers.lerp(labels.float(), 0.5 * self.whole[rows, None])


def save_lessons(lessons: Lessons, folder: str | os.PathLike[str]) -> Path:
    """Write the file into the folder; returns its path."""
    path = Path(folder) / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("x", "targets", "answers", "labels", "whole")
    tensors = {name: getattr(lessons, name) for name in names}
    metadata = {"format": FORMAT, "words": json.dumps(lessons.words), **mel_metadata(lessons.mel)}
    write_tensors(path, tensors, metadata, torch.float16)
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
    tensors, metadata = read_tensors(path, FORMAT)
    with metadata_errors(path):
        words = tuple(json.loads(metadata["words"]))
        labels, whole = tensors.pop("labels").long(), tensors.pop("whole").bool()
        mel = read_mel(path, metadata)
        return Lessons(**tensors, labels=labels, whole=whole, words=words, mel=mel)
