"""Distances of a resynthesis from its original: measures of pairs of waveforms at 16 kHz.

Each takes `original` and `made`, both (N,) float with full scale 1, and gives one float. A pair of
slightly unequal lengths is cut to the shorter one (`waveforms.aligned`).
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import LogMel
from scoresubnet.audio.spectra import spectral_distance
from scoresubnet.evaluation.judges.waveforms import RATE, Unmeasurable, aligned
from scoresubnet.process.missing import install

_INSTALL = install("evaluate")


def log_mel_l1(original: ArrayLike, made: ArrayLike, front_end: LogMel | None = None) -> float:
    """Mean absolute difference of the natural-log Mels, in nats, over bands and frames.

    Args:
        original: (N,) audio, N > 512.
        made: (N,) audio.
        front_end: `LogMel()` if None. Its floor (1e-5) counts: below it nothing differs.

    Raises:
        ValueError: the pair cannot be used, or is too short for the front end.
    """
    front_end = front_end or LogMel()
    a, b = front_end.log_mel(np.stack(aligned(original, made)))
    return float(np.abs(a - b).mean(dtype=np.float64))


def multi_resolution_stft(original: ArrayLike, made: ArrayLike) -> float:
    """Spectral convergence plus log-magnitude L1, averaged over three resolutions.

    `audio.spectra.spectral_distance` (Yamamoto, Song & Kim, ICASSP 2020, eqs. 4 to 6) in float64.
    With twice the original it is 1 + ln 2.

    Args:
        original: (N,) audio, N > 1,024.
        made: (N,) audio.

    Raises:
        ValueError: the pair cannot be used, or is too short.
    """
    a, b = _stacked(*aligned(original, made)).double().split(1)
    return sum(part.item() for part in spectral_distance(b, a))


def pesq_wb(original: ArrayLike, made: ArrayLike) -> float:
    """Wideband PESQ (ITU-T P.862.2, package `pesq`): MOS-LQO from about 1 to 4.644, the best.

    P.862 was made for sentences of several seconds; on single words it still ranks systems, but
    its level is not comparable with published figures. It aligns level and delay itself.

    Args:
        original: (N,) audio, N >= 4,000.
        made: (N,) audio.

    Raises:
        ImportError: `pesq` is not installed.
        Unmeasurable: PESQ finds no speech in the pair (NoUtterancesError), one of the two is
            silent, or they are too short.
        ValueError: the pair cannot be used.
    """
    try:
        from pesq import BufferTooShortError, NoUtterancesError, pesq
    except ImportError as error:
        raise ImportError(f"wideband PESQ needs the package pesq: {_INSTALL}") from error
    a, b = aligned(original, made)
    if not (a.any() and b.any()):
        raise Unmeasurable("PESQ: one of the two is silent")
    try:
        return float(pesq(RATE, a, b, "wb"))
    except NoUtterancesError as error:
        raise Unmeasurable("PESQ finds no speech") from error
    except BufferTooShortError as error:
        raise Unmeasurable("PESQ: shorter than a quarter of a second") from error
    except ValueError as error:  # NaN inside, for lack of anything to hear
        raise Unmeasurable(f"PESQ has no finite score ({error})") from error


def stoi(original: ArrayLike, made: ArrayLike) -> float:
    """Short-time objective intelligibility (Taal et al. 2011, package `pystoi`), at most 1.

    The classical one, not the extended. It takes segments of 30 frames (384 ms) of what remains
    once frames 40 dB below the loudest of the original are taken out. A short word leaves fewer;
    `pystoi` then warns and gives 1e-5, which is no score, and is not passed on.

    Args:
        original: (N,) audio.
        made: (N,) audio.

    Raises:
        ImportError: `pystoi` is not installed.
        Unmeasurable: the original is silent, or fewer than 30 of its frames are not.
        ValueError: the pair cannot be used.
    """
    try:
        import pystoi
    except ImportError as error:
        raise ImportError(f"STOI needs the package pystoi: {_INSTALL}") from error
    a, b = (np.asarray(x, dtype=np.float64) for x in aligned(original, made))
    if not a.any():
        raise Unmeasurable("STOI: the original is silent")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(pystoi.stoi(a, b, RATE, extended=False))
        except RuntimeWarning as warning:
            raise Unmeasurable("STOI: fewer than 30 frames that are not silent") from warning


def _stacked(a: Audio, b: Audio) -> Tensor:
    """(N,), (N,) -> (2, N)."""
    return torch.from_numpy(np.stack([a, b]))
