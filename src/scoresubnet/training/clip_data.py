"""Recordings as Lightning wants them: endless training batches, one pass over the validation."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.cache import CachedClips
from scoresubnet.data.clips import Clip
from scoresubnet.data.sources import find_clips
from scoresubnet.data.words import resolve_words
from scoresubnet.training.config import DataConfig
from scoresubnet.training.steps import StepBatches, balanced_weights

_log = logging.getLogger(__name__)
_VALIDATION_BATCH = 128

B = TypeVar("B")  # what a batch is
T = TypeVar("T")
Check = Callable[[list[Clip]], None]
"""sees the clips that were found, before the work of reading them, and may refuse them"""


class ClipData(lightning.LightningDataModule, Generic[B]):
    """The recordings of a `DataConfig`; subclasses say what is kept of a clip, and what a batch is.

    Attributes:
        found: the clips of these words, before any is read.
        words: the labels, in the order of the config, or sorted.
        mel: the front end.
        kept: the usable clips.
        training_rows: those of the training split.
        has_validation: whether there is a validation split.

    Raises:
        ValueError: there are no training clips, or none of a word that needs some.
    """

    def __init__(
        self,
        config: DataConfig,
        seed: int,
        mel: MelSettings | None = None,
        check: Check | None = None,
    ) -> None:
        super().__init__()
        self.config, self.seed = config, seed
        self.mel = mel or MelSettings()
        clips = find_clips(config.sources)
        self.words = (
            tuple(sorted({clip.label for clip in clips}))
            if config.words is None
            else resolve_words(config.words)
        )
        self.found = [clip for clip in clips if clip.label in self.words]
        if check is not None:
            check(self.found)
        self.kept = self.keep(self.found)
        self.training_rows = share_of(self.kept, config.share)
        there = {self.kept.clips[row].label for row in self.training_rows}
        missing = [word for word in self.needed_words() if word not in there]
        if missing or not there:
            raise ValueError(
                f"no training clips of {', '.join(missing or self.words)}; check data.sources and "
                "data.words (of a plain folder, about 80 % of the files of a word are for training)"
            )
        self.has_validation = len(self.kept.subset("validation")) > 0
        if not self.has_validation:
            _log.warning("these recordings have no validation split; training goes on without one")

    def keep(self, clips: Sequence[Clip]) -> CachedClips[Any]:
        """The clips as the cache has them."""
        raise NotImplementedError

    def batch(self, rows: list[int]) -> B:
        """The batch that these rows make."""
        raise NotImplementedError

    def needed_words(self) -> Sequence[str]:
        """Words that need training clips."""
        return self.words

    def draws(self) -> tuple[NDArray[np.int64], Tensor]:
        """The rows that training draws from, and the weight of each."""
        rows, kept = self.training_rows, self.kept
        sources = np.unique(kept.sources, return_inverse=True)[1]
        groups = kept.labels[rows] * (sources.max() + 1) + sources[rows]
        weights = torch.tensor([kept.clips[row].weight for row in rows], dtype=torch.float64)
        return rows, balanced_weights(groups, self.config.balance) * weights

    def training_batch(self, rows: list[int]) -> Any:
        """The batch that these rows make in training."""
        return self.batch(rows)

    def fingerprint(self) -> str:
        """Changes with the clips that training and validation draw from, and with their order."""
        clips = (f"{c.source}/{c.label}/{c.split}/{c.path.name}\n" for c in self.kept.clips)
        return hashlib.sha256("".join(clips).encode(errors="surrogateescape")).hexdigest()

    def train_dataloader(self) -> DataLoader[Any]:
        """Starts at the trainer's step, so that a resumed run sees the batches it has not seen."""
        first = self.trainer.global_step if self.trainer else 0
        batches = StepBatches(*self.draws(), self.config.batch_size, self.seed, first_step=first)
        return self._loader(batches, self.training_batch)

    def val_dataloader(self) -> DataLoader[B]:
        rows, size = self.kept.subset("validation"), _VALIDATION_BATCH
        return self._loader(
            [rows[k : k + size].tolist() for k in range(0, len(rows), size)], self.batch
        )

    def _loader(self, batches: Any, read: Callable[[list[int]], T]) -> DataLoader[T]:
        rows = _WholeBatches(read, len(self.kept.clips))
        return DataLoader(rows, batch_sampler=batches, collate_fn=_as_it_is)


def share_of(kept: CachedClips[Any], share: float) -> NDArray[np.int64]:
    """Training rows: this share of them, as many of each word, or all that a word has; ascending.

    Which ones is a matter of word and file name alone, so that it is the same wherever the clips
    lie and whatever the seed, and a smaller share is a part of a larger one.
    """
    rows = kept.subset("training")
    if share == 1:
        return rows
    words = np.unique(kept.labels[rows])
    each = max(1, round(share * len(rows) / max(1, len(words))))
    found = []
    for word in words:
        own = [int(row) for row in rows[kept.labels[rows] == word]]
        found += sorted(own, key=lambda row: _lot(kept.clips[row]))[:each]
    return np.array(sorted(found), dtype=np.int64)


def _lot(clip: Clip) -> str:
    return hashlib.sha256(f"{clip.source}/{clip.label}/{clip.path.stem}".encode()).hexdigest()


class _WholeBatches(Dataset[B]):
    """Batches by lists of rows."""

    def __init__(self, read: Callable[[list[int]], B], count: int) -> None:
        self.read, self.count = read, count

    def __getitems__(self, rows: list[int]) -> B:
        return self.read(rows)

    def __len__(self) -> int:
        return self.count


def _as_it_is(batch: Any) -> Any:
    """`_WholeBatches` gives whole batches already."""
    return batch
