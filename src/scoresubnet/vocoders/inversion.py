"""From Mel bands back to a waveform: magnitudes with those bands, and phases that fit together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel
from scoresubnet.vocoders.stft import RepeatedSTFT


def smooth_magnitudes(mel: Tensor, front_end: LogMel) -> Tensor:
    """Bins that follow the Mel bands without detail: each the mean of its bands, a density per Hz.

    Args:
        mel: the bands (B, n_mels, T), linear: the exponential of the log-Mel.
        front_end: whose filters and power they are.

    Returns:
        (B, n_fft / 2 + 1, T), at least floor ** (1 / power) of the front end.
    """
    settings = front_end.settings
    return (front_end.shares.T @ mel).clamp(min=settings.floor) ** (1 / settings.power)


def fit_mel_bands(magnitude: Tensor, mel: Tensor, front_end: LogMel, updates: int) -> Tensor:
    """Scale magnitudes of an STFT until they have the given Mel bands.

    The multiplicative updates of Lee & Seung (NIPS 2000) for the Kullback-Leibler divergence, which
    weighs relative errors and keeps what is not negative so.

    Args:
        magnitude: to start from (..., n_fft / 2 + 1, T), not negative; zeros stay.
        mel: the bands (..., n_mels, T), linear: the exponential of the log-Mel.
        front_end: whose filters and power they are.
        updates: how many.

    Returns:
        shaped like `magnitude`. With an update or more, bins under no filter (0 Hz and the top one)
        become zero.
    """
    to_bands, power = front_end.filters.T, front_end.settings.power
    spectrum, mel = magnitude.mT, mel.mT
    spectrum = spectrum if power == 1 else spectrum**power
    for _ in range(updates):
        ratio = mel / (spectrum @ to_bands).clamp_(min=1e-12)
        spectrum = spectrum * (ratio @ front_end.shares)
    return (spectrum if power == 1 else spectrum ** (1 / power)).mT


_TINY = 1e-30  # no power that is not zero is below it


def with_magnitudes(spectrum: Tensor, magnitudes: Tensor) -> Tensor:
    """The phases of a complex spectrum with other magnitudes of the same shape; zeros stay zeros.

    Not by `torch.sgn`, whose last bits depend on where in memory an item lies.
    """
    return spectrum * (magnitudes / spectrum.abs().clamp(min=_TINY**0.5))


@torch.no_grad()
def griffin_lim(
    start: Tensor,
    magnitudes: Callable[[Tensor], Tensor],
    front_end: LogMel,
    iterations: int,
    momentum: float,
    lead: float = 0.0,
) -> Tensor:
    """Fast Griffin-Lim (Perraudin, Balazs & Sondergaard, WASPAA 2013) from any start.

    Args:
        start: complex spectra (B, T, n_fft / 2 + 1) of sounds that go in step; rows are frames.
        magnitudes: from those of the last audio to those wanted, both (B, T, n_fft / 2 + 1). What
            it is given holds until the next call. A constant gives the algorithm of the paper.
        front_end: whose STFT it is.
        iterations: projections onto the consistent spectrograms.
        momentum: the alpha of Perraudin et al.; 0 is the Griffin-Lim of 1984.
        lead: the same for what `magnitudes` gets (ours); 0 gives it those of the last audio.

    Returns:
        audio (B, (T - 1) * hop_length).
    """
    stft = RepeatedSTFT(front_end, start.shape[1], len(start))
    spectrum = with_magnitudes(start, magnitudes(start.abs()))

    last = torch.view_as_real(torch.zeros_like(spectrum))
    steps = torch.tensor([1 + lead, 1 + momentum], device=start.device).view(2, 1, 1, 1, 1)
    # Buffers that every iteration fills anew, and what it needs of them.
    ahead = last.new_empty(2, *last.shape)  # for the magnitudes, and for the phases
    phases = torch.view_as_complex(ahead[1])
    squares, powers = torch.empty_like(ahead), last.new_empty(2, *start.shape)
    real, imaginary = squares.unbind(-1)
    leading, power = powers
    for _ in range(iterations):
        consistent = torch.view_as_real(stft.consistent(spectrum))
        torch.lerp(last, consistent, steps, out=ahead)
        torch.mul(ahead, ahead, out=squares)
        torch.add(real, imaginary, out=powers)
        gain = power.clamp_(min=_TINY).rsqrt_().mul_(magnitudes(leading.sqrt_()))
        torch.mul(phases, gain, out=spectrum)
        last = consistent
    return stft.synthesis(spectrum)
