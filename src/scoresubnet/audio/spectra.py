"""Distances between the magnitude spectra of two sounds."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""FFT size, hop and Hann window in samples, as in Parallel WaveGAN (Yamamoto et al. 2020, table 1).

Those are lengths at 24 kHz; at 16 kHz the same numbers span 1.5 times as long.
"""
LEAST_POWER = 1e-7
"""Of an STFT bin; the floor of the published code of Parallel WaveGAN."""


class SpectralDistance(NamedTuple):
    """Means over the batch and the resolutions, both scalars.

    Attributes:
        convergence: Frobenius norm of the difference of magnitudes, relative to the original.
        log_magnitude: mean absolute difference of natural-log magnitudes.
    """

    convergence: Tensor
    log_magnitude: Tensor


def spectral_distance(made: Tensor, original: Tensor) -> SpectralDistance:
    """Multi-resolution STFT distance (Yamamoto, Song & Kim, ICASSP 2020, eqs. 4 to 6).

    Of centred STFTs with reflect padding. Not symmetric: the convergence is relative to the
    original.

    Args:
        made: audio (B, N), N > 1,024.
        original: (B, N).

    Raises:
        ValueError: the audio is too short.
    """
    longest = max(n_fft for n_fft, _, _ in RESOLUTIONS)
    if made.shape[1] <= longest // 2:
        raise ValueError(
            f"a clip of {made.shape[1]} samples is too short: the centred STFT of {longest} "
            f"needs more than {longest // 2}"
        )
    convergence, log_magnitude = [], []
    for n_fft, hop, window in RESOLUTIONS:
        ours, theirs = (_magnitudes(audio, n_fft, hop, window) for audio in (made, original))
        difference = torch.linalg.vector_norm(ours - theirs, dim=(1, 2))
        convergence.append((difference / torch.linalg.vector_norm(theirs, dim=(1, 2))).mean())
        log_magnitude.append((ours.log() - theirs.log()).abs().mean())
    return SpectralDistance(torch.stack(convergence).mean(), torch.stack(log_magnitude).mean())


def _magnitudes(audio: Tensor, n_fft: int, hop: int, window: int) -> Tensor:
    """(B, N) -> (B, n_fft / 2 + 1, frames), never below the root of `LEAST_POWER`."""
    hann = torch.hann_window(window, dtype=audio.dtype, device=audio.device)
    spectrum = torch.stft(audio, n_fft, hop, window, hann, return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    return power.clamp(min=LEAST_POWER).sqrt()
