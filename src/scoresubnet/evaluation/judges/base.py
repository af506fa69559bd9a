"""Judges: each makes a row of every clip, an embedding, probabilities, or scores.

Distances between sets of clips (FID, FAD, precision and recall) are computed on such rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges.waveforms import as_clip
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.word_evaluator.network import ResNeXtOutput


@dataclass(frozen=True)
class Embedded:
    """N clips as an embedder has them, float64.

    Attributes:
        embedding: (N, D), what distances are computed on.
        probabilities: (N, C), rows sum to 1; None if the embedder is no classifier.
    """

    embedding: Floats
    probabilities: Floats | None = None


class Embedder(Protocol):
    """Clips (samples,) float32 at 16 kHz, full scale 1 -> a row each.

    A row depends on its clip alone, not on the others.
    """

    @property
    def name(self) -> str:
        """Short, fit for the name of a folder."""
        ...

    @property
    def settings(self) -> Mapping[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        ...

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The word of each probability; None if the embedder is no classifier."""
        ...

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The rows of the clips.

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        ...


def row_by_row(
    row: Callable[[Audio], Floats], clips: Sequence[Audio], progress: bool, description: str
) -> Floats:
    """The rows (N, D) of clips, each computed alone, with a progress bar.

    In a batch of another size convolutions may round otherwise, and a row would not be its clip's.

    Raises:
        ValueError: there are no clips, or one is not (samples,), empty or not finite.
    """
    made = [row(clip) for clip in _one_by_one(clips, progress, description)]
    return np.stack(made).astype(np.float64, copy=False)


def classified(
    classify: Callable[[Audio], ResNeXtOutput],
    clips: Sequence[Audio],
    progress: bool,
    description: str,
) -> Embedded:
    """The embeddings and probabilities of a classifier, as `row_by_row` makes its rows.

    Args:
        classify: clip (samples,) -> logits (1, C) and embedding (1, D).
        clips: N clips.
        progress: show the bar.
        description: what stands before it.

    Raises:
        ValueError: there are no clips, or one is not (samples,), empty or not finite.
    """
    embeddings: list[Tensor] = []
    probabilities: list[Tensor] = []
    with torch.no_grad():
        for clip in _one_by_one(clips, progress, description):
            output = classify(clip)
            embeddings.append(output.embedding.double())
            probabilities.append(output.logits.double().softmax(1))
    return Embedded(torch.cat(embeddings).numpy(), torch.cat(probabilities).numpy())


def _one_by_one(clips: Sequence[Audio], progress: bool, description: str) -> Iterator[Audio]:
    if not len(clips):
        raise ValueError("no clips to embed")
    for clip in tqdm(clips, desc=description, unit="clip", disable=not progress):
        yield as_clip(clip)
