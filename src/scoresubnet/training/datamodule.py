"""Batches of log-Mel features and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.clips import Clip
from scoresubnet.data.features import Features, build_features
from scoresubnet.data.words import UNCONDITIONAL
from scoresubnet.training.clip_data import ClipData
from scoresubnet.training.config import DataConfig

Batch = tuple[Tensor, Tensor]
"""x (B, 1, F, T) float32 in [-1, 1], labels (B,)."""


class SpeechData(ClipData[Batch]):
    """The recordings of a `DataConfig` as log-Mels with their labels.

    Raises:
        ValueError: there are no training clips, or a word has none or the name "none".
    """

    features: Features

    def __init__(self, config: DataConfig, seed: int, mel: MelSettings | None = None) -> None:
        super().__init__(config, seed, mel)
        if UNCONDITIONAL in self.words:
            raise ValueError(f"the word {UNCONDITIONAL!r} is taken, for no word at all; rename it")

    def keep(self, clips: Sequence[Clip]) -> Features:
        self.features = build_features(clips, self.words, self.config.cache, self.mel)
        return self.features

    def batch(self, rows: list[int]) -> Batch:
        x = self.features.x[np.asarray(rows)].astype(np.float32)
        return torch.from_numpy(x)[:, None], torch.from_numpy(self.features.labels[rows])
