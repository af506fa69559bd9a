"""Magnitudes scaled to the Mel bands of the same sounds, over and over again."""

from __future__ import annotations

import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel

_SMALL = 128  # bins that are not worth cutting


class RepeatedFit:
    """What one update of `inversion.fit_mel_bands` gives, with all that is fixed done once.

    Low bands reach few bins and high bands none of the low ones: both are computed apart, which
    leaves out half of the zeros. Buffers are kept: one instance serves one thread.

    Args:
        mel: the bands (B, n_mels, T), linear: the exponential of the log-Mel.
        front_end: whose filters and power they are; the bands rise in frequency.
    """

    def __init__(self, mel: Tensor, front_end: LogMel) -> None:
        filters, shares = front_end.filters, front_end.shares
        rows = mel.mT.flatten(0, 1).contiguous()
        self._mel, self._power = rows, front_end.settings.power
        self._ratio = torch.empty_like(self._mel)
        # Bins under no filter keep their zeros for good.
        self._gain = mel.new_zeros(len(rows), filters.shape[1])
        bins = filters.shape[1]
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
        """Magnitudes (B, T, n_fft / 2 + 1) -> scaled, in a buffer that the next call fills anew."""
        rows = magnitude.flatten(0, 1)
        spectrum = rows if self._power == 1 else rows**self._power
        for bins, filters, bands in self._to_bands:
            torch.mm(spectrum[:, bins], filters, out=bands)
        torch.div(self._mel, self._ratio.clamp_(min=1e-12), out=self._ratio)
        for ratio, shares, gain in self._to_bins:
            torch.mm(ratio, shares, out=gain)
        scaled = self._gain.mul_(spectrum)
        scaled = scaled if self._power == 1 else scaled.pow_(1 / self._power)
        return scaled.view(magnitude.shape)
