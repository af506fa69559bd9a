"""Input of the measures of waveforms: finite samples at 16 kHz, and pairs of equal length."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from scoresubnet.audio.io import Audio

RATE = 16_000  # of every measure of waveforms, hertz
MOST_MISSING = 1024  # samples by which a resynthesis may be shorter or longer: one STFT window


class Unmeasurable(ValueError):
    """A measure has no value for this clip, which is no fault of the caller; it says why."""


def as_clip(audio: ArrayLike) -> Audio:
    """Audio as (N,) float32, N >= 1.

    Raises:
        ValueError: audio is not (N,), or has a NaN or infinite sample.
    """
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim != 1 or not samples.size or not np.isfinite(samples).all():
        raise ValueError(
            f"expected audio (N,) of finite samples, N >= 1, got the shape {samples.shape}"
            " or samples that are NaN or infinite"
        )
    return samples


def aligned(original: ArrayLike, made: ArrayLike) -> tuple[Audio, Audio]:
    """An original and its resynthesis, both cut to the shorter of the two: (N,), (N,).

    Raises:
        ValueError: one cannot be used, or their lengths differ by more than `MOST_MISSING` samples.
    """
    a, b = as_clip(original), as_clip(made)
    if abs(len(a) - len(b)) > MOST_MISSING:
        raise ValueError(
            f"an original of {len(a)} samples and a resynthesis of {len(b)} are no pair; "
            f"they may differ by {MOST_MISSING}"
        )
    length = min(len(a), len(b))
    return a[:length], b[:length]
