"""Varied copies of recordings, as other speakers and other days might have made them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoresubnet.audio import SAMPLE_RATE
from scoresubnet.audio.io import Audio
from scoresubnet.expansion.draws import drawn
from scoresubnet.process.missing import install


def varied(clips: Sequence[Audio], copies: int, seed: int = 0) -> list[Audio]:
    """Each clip (N,) and then its copies: faster or slower, higher or lower, moved, in noise.

    Args:
        clips: at 16 kHz.
        copies: of each.
        seed: the same one gives the same copies.

    Raises:
        ImportError: audiomentations is not installed.
    """
    try:
        from audiomentations import (
            AddGaussianSNR,
            Compose,
            Gain,
            PitchShift,
            Shift,
            TimeStretch,
        )
    except ImportError as error:
        raise ImportError(f"varied copies need audiomentations: {install('expand')}") from error
    change = Compose(
        [
            TimeStretch(0.85, 1.18, leave_length_unchanged=True, p=1.0),
            PitchShift(-3.0, 3.0, p=1.0),  # semitones
            Shift(-0.1, 0.1, p=1.0),  # of its length
            AddGaussianSNR(10.0, 40.0, p=1.0),  # decibels
            Gain(-10.0, 6.0, p=1.0),
        ]
    )
    found: list[Audio] = []
    with drawn(seed):
        for clip in clips:
            made = [change(samples=clip, sample_rate=SAMPLE_RATE) for _ in range(copies)]
            found += [clip, *(np.asarray(copy, dtype=np.float32) for copy in made)]
    return found
