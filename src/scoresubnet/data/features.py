"""The log-Mel features of many clips."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.cache import CachedClips, Recipe, cached
from scoresubnet.data.clips import Clip
from scoresubnet.data.packs import packed_log_mels


class Features(CachedClips[np.float16]):
    """Log-Mel features of N clips, with their labels."""

    @property
    def x(self) -> NDArray[np.float16]:
        """(N, 80, 64) float16, read-only, scaled to [-1, 1]."""
        return self.values


def build_features(
    clips: Sequence[Clip],
    words: Sequence[str],
    cache_dir: str | os.PathLike[str],
    settings: MelSettings | None = None,
    progress: bool = True,
) -> Features:
    """The features of the clips, from the cache if nothing has changed (see `cache.cached`).

    Those of packed clips come from their packs.

    Args:
        clips: what `find_clips` found.
        words: the words in the order of their labels.
        cache_dir: features go to `cache_dir/<key>/`, which appears complete or not at all.
        settings: the front end; `MelSettings()` if None.
        progress: show a progress bar while computing.

    Raises:
        ValueError: a clip's label is not among the words, no clip is usable, or the cached or
            packed files are damaged.
    """
    settings = settings or MelSettings()
    packed = packed_log_mels(clips, settings.hash)
    if packed is not None:
        return Features.of(packed, list(clips), tuple(words), [])
    front_end = LogMel(settings)

    def log_mel(audio: Audio) -> NDArray[np.float32]:
        with torch.no_grad():
            return front_end(torch.from_numpy(audio)).squeeze(1).numpy()

    recipe = Recipe(
        name="features",
        file="x.npy",
        stamp=settings.hash,
        settings=settings,
        shape=(settings.n_mels, settings.frames),
        dtype=np.float16,
        transform=log_mel,
    )
    return cached(Features, recipe, clips, words, cache_dir, progress)
