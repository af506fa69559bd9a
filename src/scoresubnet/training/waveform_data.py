"""Batches of waveforms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from scoresubnet.data.clips import Clip
from scoresubnet.data.waveforms import Waveforms, build_waveforms, from_int16
from scoresubnet.training.clip_data import ClipData


class WaveformData(ClipData[Tensor]):
    """The recordings of a `DataConfig` as audio (B, clip_samples=16000) float32 in [-1, 1].

    Words serve to choose and to balance the clips. Only words that the config names need training
    clips, and "none" is a word like any other.

    Raises:
        ValueError: there are no training clips, or a word that the config names has none.
    """

    waveforms: Waveforms

    def keep(self, clips: Sequence[Clip]) -> Waveforms:
        self.waveforms = build_waveforms(clips, self.config.cache, self.mel)
        return self.waveforms

    def batch(self, rows: list[int]) -> Tensor:
        return torch.from_numpy(from_int16(self.waveforms.audio[rows]))

    def needed_words(self) -> Sequence[str]:
        return () if self.config.words is None else self.words
