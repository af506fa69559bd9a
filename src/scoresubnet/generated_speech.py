"""Clips that were generated, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class GeneratedSpeech:
    """The clips that `SpeechGenerator.generate` made; item k belongs to `labels[k]` and `seeds[k]`.

    Arrays are numpy's, in float32, whatever ran the model.

    Attributes:
        mels: scaled log-Mels in [-1, 1], (B, 1, F=80, T=64).
        audio: waveforms in [-1, 1], (B, samples).
        rate: samples per second.
        labels: the word asked for, or "none"; never an alias.
        seeds: the seed of each item.
        heard: the word that the classifier hears in each item, at the smallest noise time; empty
            where there is no classifier, or it did not listen.
        confidence: the classifier's probability of that word, (B,); likewise.
    """

    mels: Floats
    audio: Floats
    rate: int
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    heard: tuple[str, ...]
    confidence: Floats


def joined(parts: Sequence[GeneratedSpeech]) -> GeneratedSpeech:
    """The clips of several batches in one."""
    return GeneratedSpeech(
        np.concatenate([part.mels for part in parts]),
        np.concatenate([part.audio for part in parts]),
        parts[0].rate,
        tuple(chain.from_iterable(part.labels for part in parts)),
        tuple(chain.from_iterable(part.seeds for part in parts)),
        tuple(chain.from_iterable(part.heard for part in parts)),
        np.concatenate([part.confidence for part in parts]),
    )
