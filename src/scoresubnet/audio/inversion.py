"""From Mel bands back to a waveform: magnitudes with those bands, and phases that fit together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel


def fit_mel_bands(magnitude: Tensor, mel: Tensor, front_end: LogMel, updates: int) -> Tensor:
    """Scale magnitudes of an STFT until they have the given Mel bands.

    The multiplicative updates of Lee & Seung (NIPS 2000) for the Kullback-Leibler divergence, which
    weighs relative errors and keeps what is not negative so.

    Args:
        magnitude: to start from (B, n_fft / 2 + 1, T), not negative; zeros stay.
        mel: the bands (B, n_mels, T), linear: the exponential of the log-Mel.
        front_end: whose filters and power they are.
        updates: how many.

    Returns:
        (B, n_fft / 2 + 1, T). With an update or more, bins under no filter (0 Hz and the top one)
        become zero.
    """
    filters, power = front_end.filters, front_end.settings.power
    column_sums = filters.sum(dim=0)[:, None].clamp(min=1e-12)
    spectrum = magnitude**power
    for _ in range(updates):
        ratio = mel / (filters @ spectrum).clamp(min=1e-12)
        spectrum = spectrum * (filters.T @ ratio) / column_sums
    return spectrum ** (1 / power)


def griffin_lim(
    start: Tensor,
    magnitudes: Callable[[Tensor], Tensor],
    front_end: LogMel,
    iterations: int,
    momentum: float,
) -> Tensor:
    """Fast Griffin-Lim (Perraudin, Balazs & Sondergaard, WASPAA 2013) from any start.

    Args:
        start: complex spectrum (B, n_fft / 2 + 1, T).
        magnitudes: from those of the last audio to those wanted, both (B, n_fft / 2 + 1, T). A
            constant gives the algorithm of the paper.
        front_end: whose STFT it is.
        iterations: projections onto the consistent spectrograms.
        momentum: the alpha of Perraudin et al.; 0 is the Griffin-Lim of 1984.

    Returns:
        audio (B, (T - 1) * hop_length).
    """
    spectrum = magnitudes(start.abs()) * torch.sgn(start)
    previous = torch.zeros_like(spectrum)
    for _ in range(iterations):
        consistent = front_end.stft(front_end.istft(spectrum))
        accelerated = consistent + momentum * (consistent - previous)
        spectrum = magnitudes(consistent.abs()) * torch.sgn(accelerated)
        previous = consistent
    return front_end.istft(spectrum)
