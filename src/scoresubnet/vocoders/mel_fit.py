"""From Mel bands to magnitudes with those bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel

_SMALL = 128  # bins that are not worth cutting
_LEAST = 1e-12  # of a band that is divided by


def smooth_magnitudes(mel: NDArray[np.float32], front_end: LogMel) -> NDArray[np.float32]:
    """Magnitudes that follow the Mel bands without detail: of a density per hertz in each bin.

    Args:
        mel: the bands (B, n_mels, T), linear: the exponential of the log-Mel.
        front_end: whose filters and power they are.

    Returns:
        (B, n_fft / 2 + 1, T): each bin the mean of its bands, at least floor ** (1 / power) of the
        front end.
    """
    settings = front_end.settings
    return np.maximum(front_end.shares.T @ mel, settings.floor) ** (1 / settings.power)


class MelFit:
    """Scales magnitudes of an STFT towards the Mel bands of the same sounds, call after call.

    A call is a multiplicative update of Lee & Seung (NIPS 2000) for the Kullback-Leibler
    divergence, which weighs relative errors and keeps what is not negative so. Zeros stay, and bins
    under no filter (0 Hz and the top one) become zero.

    Low bands reach few bins and high bands none of the low ones: both are computed apart, which
    leaves out half of the zeros. Matrices are those of one sound, however many there are. Buffers
    are kept: one instance serves one thread.

    Args:
        mel: the bands wanted (B, K, T), linear: the exponential of the log-Mel.
        filters: (K, bins), bands that rise in frequency.
        shares: (K, bins): the filters, each bin divided by its sum over the bands.
        power: of the magnitudes in the bands.
    """

    def __init__(
        self,
        mel: NDArray[np.float32],
        filters: NDArray[np.float32],
        shares: NDArray[np.float32],
        power: float,
    ) -> None:
        self._mel, self._power = np.ascontiguousarray(mel.mT), power
        self._ratio = np.empty_like(self._mel)
        bins = filters.shape[1]
        self._gain = np.zeros((*self._mel.shape[:2], bins), np.float32)
        cut = bins // 4 if bins > _SMALL else bins
        low = len(filters) - int(filters[:, cut:].any(axis=1).sum())  # bands that end below the cut
        first = int(filters[low:].any(axis=0).argmax()) if low < len(filters) else bins
        # Bands of the low bins, and of the rest, which begins with the bins of band `low`.
        touching = low - int(filters[:low, first:].any(axis=1).sum())
        to_bands = ((slice(low), slice(cut)), (slice(low, None), slice(first, None)))
        to_bins = ((slice(low), slice(first)), (slice(touching, None), slice(first, None)))
        self._to_bands = [
            (its, np.ascontiguousarray(filters[bands, its].T), self._ratio[..., bands])
            for bands, its in to_bands
            if filters[bands, its].size
        ]
        self._to_bins = [
            (
                self._ratio[..., bands],
                np.ascontiguousarray(shares[bands, its]),
                self._gain[..., its],
            )
            for bands, its in to_bins
            if shares[bands, its].size
        ]

    def __call__(self, magnitude: NDArray[np.float32]) -> NDArray[np.float32]:
        """Magnitudes (B, T, bins) -> scaled, in a buffer that the next call fills anew."""
        spectrum = magnitude if self._power == 1 else magnitude**self._power
        for bins, filters, bands in self._to_bands:
            np.matmul(spectrum[..., bins], filters, out=bands)
        np.maximum(self._ratio, _LEAST, out=self._ratio)
        np.divide(self._mel, self._ratio, out=self._ratio)
        for ratio, shares, gain in self._to_bins:
            np.matmul(ratio, shares, out=gain)
        scaled = np.multiply(self._gain, spectrum, out=self._gain)
        return scaled if self._power == 1 else np.power(scaled, 1 / self._power, out=scaled)

    def repeated(self, magnitude: NDArray[np.float32], updates: int) -> NDArray[np.float32]:
        """So many updates of magnitudes (B, T, bins), not in the buffer."""
        for _ in range(updates):
            magnitude = self(magnitude).copy()
        return magnitude
