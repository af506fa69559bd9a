"""From Mel bands to magnitudes with those bands."""

from __future__ import annotations

import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel

_SMALL = 128  # bins that are not worth cutting
_LEAST = 1e-12  # of a band that is divided by


def smooth_magnitudes(mel: Tensor, front_end: LogMel) -> Tensor:
    """Magnitudes that follow the Mel bands without detail: of a density per hertz in each bin.

    Args:
        mel: the bands (B, n_mels, T), linear: the exponential of the log-Mel.
        front_end: whose filters and power they are.

    Returns:
        (B, n_fft / 2 + 1, T): each bin the mean of its bands, at least floor ** (1 / power) of the
        front end.
    """
    settings = front_end.settings
    return (front_end.shares.T @ mel).clamp(min=settings.floor) ** (1 / settings.power)


class MelFit:
    """Scales magnitudes of an STFT towards the Mel bands of the same sounds, call after call.

    A call is a multiplicative update of Lee & Seung (NIPS 2000) for the Kullback-Leibler
    divergence, which weighs relative errors and keeps what is not negative so. Zeros stay, and bins
    under no filter (0 Hz and the top one) become zero.

    Low bands reach few bins and high bands none of the low ones: both are computed apart, which
    leaves out half of the zeros. Buffers are kept: one instance serves one thread.

    Args:
        mel: the bands wanted (B, K, T), linear: the exponential of the log-Mel.
        filters: (K, bins), bands that rise in frequency.
        shares: (K, bins): the filters, each bin divided by its sum over the bands.
        power: of the magnitudes in the bands.
    """

    def __init__(self, mel: Tensor, filters: Tensor, shares: Tensor, power: float) -> None:
        self._mel, self._power = mel.mT.flatten(0, 1).contiguous(), power
        self._ratio = torch.empty_like(self._mel)
        bins = filters.shape[1]
        self._gain = mel.new_zeros(len(self._mel), bins)
        cut = bins // 4 if bins > _SMALL else bins
        low = len(filters) - int(filters[:, cut:].any(dim=1).sum())  # bands that end below the cut
        first = int(filters[low:].any(dim=0).int().argmax()) if low < len(filters) else bins
        # Bands of the low bins, and of the rest, which begins with the bins of band `low`.
        touching = low - int(filters[:low, first:].any(dim=1).sum())
        to_bands = ((slice(low), slice(cut)), (slice(low, None), slice(first, None)))
        to_bins = ((slice(low), slice(first)), (slice(touching, None), slice(first, None)))
        self._to_bands = [
            (its, filters[bands, its].T.contiguous(), self._ratio[:, bands])
            for bands, its in to_bands
            if filters[bands, its].numel()
        ]
        self._to_bins = [
            (self._ratio[:, bands], shares[bands, its].contiguous(), self._gain[:, its])
            for bands, its in to_bins
            if shares[bands, its].numel()
        ]

    def __call__(self, magnitude: Tensor) -> Tensor:
        """Magnitudes (B, T, bins) -> scaled, in a buffer that the next call fills anew."""
        rows = magnitude.flatten(0, 1)
        spectrum = rows if self._power == 1 else rows**self._power
        for bins, filters, bands in self._to_bands:
            torch.mm(spectrum[:, bins], filters, out=bands)
        torch.div(self._mel, self._ratio.clamp_(min=_LEAST), out=self._ratio)
        for ratio, shares, gain in self._to_bins:
            torch.mm(ratio, shares, out=gain)
        scaled = self._gain.mul_(spectrum)
        scaled = scaled if self._power == 1 else scaled.pow_(1 / self._power)
        return scaled.view(magnitude.shape)

    def repeated(self, magnitude: Tensor, updates: int) -> Tensor:
        """So many updates of magnitudes (B, T, bins), not in the buffer."""
        for _ in range(updates):
            magnitude = self(magnitude).clone()
        return magnitude
