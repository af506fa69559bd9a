"""Batches of log-Mel features and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from scoresubnet.data.clips import Clip
from scoresubnet.data.features import Features, build_features
from scoresubnet.data.words import as_labels
from scoresubnet.training.clip_data import ClipData

Batch = tuple[Tensor, Tensor]
"""x (B, 1, F, T) float32 in [-1, 1], labels (B,)."""


class SpeechData(ClipData[Batch]):
    """The recordings of a `DataConfig` as log-Mels with their labels.

    Raises:
        ValueError: there are no training clips, or a word has none or the name "none".
    """

    features: Features

    def keep(self, clips: Sequence[Clip]) -> Features:
        self.words = as_labels(self.words)
        self.features = build_features(clips, self.words, self.config.cache, self.mel)
        return self.features

    def batch(self, rows: list[int]) -> Batch:
        x = self.features.x[np.asarray(rows)].astype(np.float32)
        return torch.from_numpy(x)[:, None], torch.from_numpy(self.features.labels[rows])
