"""The fundamental frequency of many clips, tracked once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.audio.pitch import F_MAX, F_MIN, NO_TROUGH, RESOLUTION, track_pitch
from scoresubnet.data.cache import CachedClips, Recipe, cached
from scoresubnet.data.clips import Clip
from scoresubnet.process.home import provide_home
from scoresubnet.process.missing import install


class PitchTracks(CachedClips[np.float16]):
    """Tracked pitch of N clips."""

    @property
    def f0(self) -> NDArray[np.float16]:
        """(N, clip_samples // hop_length + 1) in Hz, 0 without a voice; memory-mapped, read-only.

        Frame k is around sample k * hop_length.
        """
        return self.values


def build_pitch_tracks(
    clips: Sequence[Clip],
    cache_dir: str | os.PathLike[str],
    settings: MelSettings | None = None,
    progress: bool = True,
) -> PitchTracks:
    """The pitch of the clips, from the cache if nothing has changed (see `cache.cached`).

    By `audio.pitch.track_pitch`, with a process for each core.

    Args:
        clips: what `find_clips` found.
        cache_dir: tracks go to `cache_dir/<key>/`, which appears complete or not at all.
        settings: sample rate, clip length, FFT size and hop matter, nothing else; `MelSettings()`
            if None.
        progress: show a progress bar while computing.

    Raises:
        ImportError: librosa is not installed.
        ValueError: no clip is usable, or the cached files are damaged.
    """
    settings = settings or MelSettings()
    try:
        import joblib

        tracker = version("librosa")
    except ImportError as error:
        raise ImportError(f"tracking pitch needs librosa ({error}): {install('train')}") from error

    provide_home()  # before numba is loaded, in other processes

    def track(audio: Audio) -> NDArray[np.float16]:
        with joblib.Parallel(n_jobs=-1) as pool:
            return np.stack(pool(joblib.delayed(track_pitch)(clip, settings) for clip in audio))

    numbers = (
        settings.clip_samples,
        settings.sample_rate,
        settings.n_fft,
        settings.hop_length,
        F_MIN,
        F_MAX,
        RESOLUTION,
        NO_TROUGH,
    )
    recipe = Recipe(
        name="pitch tracks",
        file="f0.npy",
        stamp=f"pyin of librosa {tracker}, {numbers}",
        settings=settings,
        shape=(settings.clip_samples // settings.hop_length + 1,),
        dtype=np.float16,
        transform=track,
    )
    words = sorted({clip.label for clip in clips})
    return cached(PitchTracks, recipe, clips, words, cache_dir, progress)
