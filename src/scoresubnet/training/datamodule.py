"""Features as Lightning wants them: endless training batches, one pass over the validation."""

from __future__ import annotations

import logging
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.features import Features, build_features
from scoresubnet.data.sources import find_clips
from scoresubnet.data.words import UNCONDITIONAL, resolve_words
from scoresubnet.training.config import DataConfig
from scoresubnet.training.steps import StepBatches, balanced_weights

_log = logging.getLogger(__name__)

Batch = tuple[Tensor, Tensor]
"""x (B, 1, F, T) float32 in [-1, 1], labels (B,)."""


class FeatureRows(Dataset[Batch]):
    """Whole batches of memory-mapped features, by lists of rows."""

    def __init__(self, features: Features) -> None:
        self.features = features

    def __getitems__(self, rows: list[int]) -> Batch:
        x = self.features.x[np.asarray(rows)].astype(np.float32)
        return torch.from_numpy(x)[:, None], torch.from_numpy(self.features.labels[rows])

    def __len__(self) -> int:
        return len(self.features.labels)


class SpeechData(lightning.LightningDataModule):
    """The recordings of a `DataConfig`.

    Raises:
        ValueError: there are no training clips, or a word has none or the name "none".
    """

    def __init__(self, config: DataConfig, seed: int, mel: MelSettings | None = None) -> None:
        super().__init__()
        self.config, self.seed = config, seed
        self.mel = mel or MelSettings()
        clips = find_clips(config.sources)
        self.words = (
            tuple(sorted({clip.label for clip in clips}))
            if config.words is None
            else resolve_words(config.words)
        )
        clips = [clip for clip in clips if clip.label in self.words]
        self.features = build_features(clips, self.words, config.cache, self.mel)
        self.training_rows = self.features.subset("training")
        counts = np.bincount(self.features.labels[self.training_rows], minlength=len(self.words))
        if missing := [word for word, count in zip(self.words, counts, strict=True) if not count]:
            raise ValueError(
                f"no training clips of {', '.join(missing)}; check data.sources and data.words "
                "(of a plain folder, about 80 % of the files of a word are for training)"
            )
        if UNCONDITIONAL in self.words:
            raise ValueError(f"the word {UNCONDITIONAL!r} is taken: it asks for no word at all")
        self.has_validation = len(self.features.subset("validation")) > 0
        if not self.has_validation:
            _log.warning("these recordings have no validation split; training goes on without one")

    def train_dataloader(self) -> DataLoader[Batch]:
        """Starts at the trainer's step, so that a resumed run sees the batches it has not seen."""
        rows = self.training_rows
        sources = np.unique(self.features.sources, return_inverse=True)[1]
        groups = self.features.labels[rows] * (sources.max() + 1) + sources[rows]
        batches = StepBatches(
            rows,
            balanced_weights(groups, self.config.balance),
            self.config.batch_size,
            self.seed,
            first_step=self.trainer.global_step if self.trainer else 0,
        )
        return DataLoader(FeatureRows(self.features), batch_sampler=batches, collate_fn=_as_it_is)

    def val_dataloader(self) -> DataLoader[Batch]:
        rows = self.features.subset("validation")
        batches = [rows[k : k + 128].tolist() for k in range(0, len(rows), 128)]
        return DataLoader(FeatureRows(self.features), batch_sampler=batches, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    """`FeatureRows` gives whole batches already."""
    return batch
