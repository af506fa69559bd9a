"""The fundamental frequency of recordings."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.compiled import load_librosa
from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings

F_MIN, F_MAX = 60.0, 500.0
"""Hz; the range of voices in speech."""
RESOLUTION = 0.2  # semitones; finer ones make the tracker many times slower
NO_TROUGH = 0.1
"""Probability of a voice where YIN finds no period: generous, even to noise. With librosa's 0.01
half of the voiced frames of short words are lost at this resolution."""


def track_pitch(audio: Audio, settings: MelSettings) -> NDArray[np.float16]:
    """Track by pYIN (Mauch & Dixon, ICASSP 2014) of librosa.

    Args:
        audio: (N,), full scale 1.
        settings: sample rate, FFT size and hop matter, nothing else.

    Returns:
        (N // hop_length + 1,) in Hz, 0 without a voice; frame k is around sample k * hop_length.

    Raises:
        ImportError: librosa is not installed.
    """
    librosa = load_librosa()
    with warnings.catch_warnings():  # digital silence divides nothing by nothing
        warnings.simplefilter("ignore", RuntimeWarning)
        f0, voiced, _ = librosa.pyin(
            audio,
            fmin=F_MIN,
            fmax=F_MAX,
            sr=settings.sample_rate,
            frame_length=settings.n_fft,
            hop_length=settings.hop_length,
            resolution=RESOLUTION,
            no_trough_prob=NO_TROUGH,
            fill_na=0.0,
        )
    return np.where(voiced, f0, 0.0).astype(np.float16)
