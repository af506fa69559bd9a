"""The waveforms of many clips, all at one rate and of one length."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.cache import CachedClips, Recipe, cached
from scoresubnet.data.clips import Clip

FULL_SCALE = 32_768
"""The int16 step count of an amplitude of 1."""


class Waveforms(CachedClips[np.int16]):
    """Waveforms of N clips; the labels are there for balancing."""

    @property
    def audio(self) -> NDArray[np.int16]:
        """(N, clip_samples=16000) int16, memory-mapped, read-only, full scale 32,768."""
        return self.values


def build_waveforms(
    clips: Sequence[Clip],
    cache_dir: str | os.PathLike[str],
    settings: MelSettings | None = None,
    progress: bool = True,
) -> Waveforms:
    """The waveforms of the clips, from the cache if nothing has changed (see `cache.cached`).

    They are read as for features: channels averaged, resampled, the second of most energy kept
    or zeros put around, unusable files skipped.

    They are kept as int16 because that is what recordings are made of: 16-bit files of the same
    rate come back exactly. It takes half the space of float32, and the error of what was averaged
    or resampled is at most half a step, 96 dB below full scale; float16 would round loud samples
    to steps 16 times as wide.

    Args:
        clips: what `find_clips` found; `Waveforms.words` are their labels, sorted.
        cache_dir: waveforms go to `cache_dir/<key>/`, which appears complete or not at all.
        settings: `sample_rate` and `clip_samples` count, nothing else; `MelSettings()` if None.
        progress: show a progress bar while computing.

    Raises:
        ValueError: no clip is usable, or the cached files are damaged.
    """
    settings = settings or MelSettings()
    recipe = Recipe(
        name="waveforms",
        file="audio.npy",
        stamp=f"int16 waveforms, {settings.clip_samples} samples at {settings.sample_rate} Hz",
        settings=settings,
        shape=(settings.clip_samples,),
        dtype=np.int16,
        transform=to_int16,
    )
    words = sorted({clip.label for clip in clips})
    return cached(Waveforms, recipe, clips, words, cache_dir, progress)


def to_int16(audio: Audio) -> NDArray[np.int16]:
    """Full scale 1 -> full scale 32,768: rounded to the nearest step, saturated at the ends."""
    return np.rint(np.clip(audio * FULL_SCALE, -FULL_SCALE, FULL_SCALE - 1)).astype(np.int16)


def from_int16(audio: NDArray[np.int16]) -> Audio:
    """Full scale 32,768 -> float32 in [-1, 1), full scale 1; exact."""
    return audio.astype(np.float32) / np.float32(FULL_SCALE)
