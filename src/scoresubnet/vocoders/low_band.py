"""The lowest bins of a spectrum: the STFT of the same sound at a fraction of its sample rate.

Windows last as long, in seconds, and bins are as wide, in hertz: what `RepeatedSTFT` makes of a
sound at a rate lower by a factor are the first bins of `LogMel.stft`, divided by the factor (but
for the highest of them, where the filter that the lower rate needs sets in).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel


class LowBand(NamedTuple):
    """The Mel bands that lie among the lowest bins as a whole.

    Attributes:
        factor: by which the sample rate falls.
        filters: (K, n_fft / 2 / factor + 1), the lowest K bands.
        shares: of the same shape: how each bin follows the bands.
        sure: bins below the peak of the last band: above, bands that they belong to are missing.
    """

    factor: int
    filters: NDArray[np.float32]
    shares: NDArray[np.float32]
    sure: int


def low_band(front_end: LogMel, most: int) -> LowBand | None:
    """The low band of a front end, whose bands rise in frequency.

    Args:
        front_end: of the whole spectrum.
        most: by how much the sample rate may fall; windows and hops stay whole samples.

    Returns:
        None where windows and hops leave no lower rate.

    Raises:
        ValueError: no band lies among the lowest bins.
    """
    s = front_end.settings
    factor = math.gcd(most, s.sample_rate, s.n_fft, s.win_length, s.hop_length)
    if factor == 1:
        return None
    bins = s.n_fft // factor // 2 + 1
    bands = len(front_end.filters) - int(front_end.filters[:, bins - 1 :].any(axis=1).sum())
    if not bands:
        raise ValueError(
            f"no Mel band lies below {s.sample_rate / 2 / factor:g} Hz; "
            "lower f_min, or make do without iterations of the low bins"
        )
    filters = front_end.filters[:bands, :bins].copy()
    shares = filters / np.maximum(filters.sum(axis=0), 1e-12)
    # From the peak of the last band on, bins follow it alone.
    sure = int(filters[-1].argmax())
    shares[:-1, sure + 1 :], shares[-1, sure + 1 :] = 0, 1
    return LowBand(factor, filters, shares, sure)
