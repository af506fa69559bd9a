"""The fundamental frequency of many clips, tracked once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.cache import CachedClips, Recipe, cached
from scoresubnet.data.clips import Clip
from scoresubnet.networks.pitch import F_MAX, F_MIN

_RESOLUTION = 0.2  # semitones; finer ones make the tracker many times slower
_NO_TROUGH = 0.1
"""Probability of a voice where YIN finds no period: generous, even to noise, for the filters can
take away a pulse that should not be there, and cannot bring one back. With librosa's 0.01 half of
the voiced frames of short words are lost at this resolution."""


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

    Tracked by pYIN (Mauch & Dixon, ICASSP 2014) of librosa, with a process for each core.

    Args:
        clips: what `find_clips` found.
        cache_dir: tracks go to `cache_dir/<key>/`, which appears complete or not at all.
        settings: rate, clip length, FFT size and hop count; `MelSettings()` if None.
        progress: show a progress bar while computing.

    Raises:
        ImportError: librosa is not installed.
        ValueError: no clip is usable, or the cached files are damaged.
    """
    settings = settings or MelSettings()
    try:
        import joblib
        import librosa
    except ImportError as error:
        raise ImportError(
            f"tracking pitch needs librosa ({error}): pip install scoresubnet[train]"
        ) from error

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
        _RESOLUTION,
        _NO_TROUGH,
    )
    recipe = Recipe(
        name="pitch tracks",
        file="f0.npy",
        stamp=f"pyin of librosa {librosa.__version__}, {numbers}",
        settings=settings,
        shape=(settings.clip_samples // settings.hop_length + 1,),
        dtype=np.float16,
        transform=track,
    )
    words = sorted({clip.label for clip in clips})
    return cached(PitchTracks, recipe, clips, words, cache_dir, progress)


def track_pitch(audio: Audio, settings: MelSettings) -> NDArray[np.float16]:
    """One clip (N,) -> f0 (N // hop_length + 1,) in Hz, 0 where there is no voice."""
    import librosa

    with warnings.catch_warnings():  # digital silence divides nothing by nothing
        warnings.simplefilter("ignore")
        f0, voiced, _ = librosa.pyin(
            audio,
            fmin=F_MIN,
            fmax=F_MAX,
            sr=settings.sample_rate,
            frame_length=settings.n_fft,
            hop_length=settings.hop_length,
            resolution=_RESOLUTION,
            no_trough_prob=_NO_TROUGH,
            fill_na=0.0,
        )
    return np.where(voiced, f0, 0.0).astype(np.float16)
