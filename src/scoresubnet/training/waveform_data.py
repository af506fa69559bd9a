"""Batches of waveforms with their pitch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from scoresubnet.data.clips import Clip
from scoresubnet.data.pitch_tracks import PitchTracks, build_pitch_tracks
from scoresubnet.data.waveforms import Waveforms, build_waveforms, from_int16
from scoresubnet.training.clip_data import ClipData


class VoiceBatch(NamedTuple):
    """audio (B, clip_samples=16000) float32 in [-1, 1]; f0 (B, 63) in Hz, 0 without a voice."""

    audio: Tensor
    f0: Tensor


class WaveformData(ClipData[VoiceBatch]):
    """The recordings of a `DataConfig` as audio and tracked pitch.

    Words serve to choose and to balance the clips. Only words that the config names need training
    clips, and "none" is a word like any other.

    Raises:
        ImportError: the pitch tracker is not installed.
        ValueError: there are no training clips, or a word that the config names has none.
    """

    waveforms: Waveforms
    tracks: PitchTracks

    def keep(self, clips: Sequence[Clip]) -> Waveforms:
        self.waveforms = build_waveforms(clips, self.config.cache, self.mel)
        self.tracks = build_pitch_tracks(self.waveforms.clips, self.config.cache, self.mel)
        return self.waveforms

    def batch(self, rows: list[int]) -> VoiceBatch:
        audio = from_int16(self.waveforms.audio[rows])
        f0 = self.tracks.f0[rows].astype(np.float32)
        return VoiceBatch(torch.from_numpy(audio), torch.from_numpy(f0))

    def needed_words(self) -> Sequence[str]:
        return () if self.config.words is None else self.words
