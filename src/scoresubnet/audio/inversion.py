"""From Mel bands back to a waveform: magnitudes with those bands, and phases that fit together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from scoresubnet.audio.mel import LogMel


def smooth_magnitudes(mel: Tensor, front_end: LogMel) -> Tensor:
    """Bins that follow the Mel bands without detail: each the mean of its bands, a density per Hz.

    Args:
        mel: the bands (B, n_mels, T), linear: the exponential of the log-Mel.
        front_end: whose filters and power they are.

    Returns:
        (B, n_fft / 2 + 1, T), at least the floor of the front end.
    """
    settings = front_end.settings
    return (front_end.shares.T @ mel).clamp(min=settings.floor) ** (1 / settings.power)


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
    to_bands, power = front_end.filters.T, front_end.settings.power
    spectrum, mel = magnitude.mT**power, mel.mT  # rows are frames, as `Consistent` has them
    for _ in range(updates):
        ratio = mel / (spectrum @ to_bands).clamp(min=1e-12)
        spectrum = spectrum * (ratio @ front_end.shares)
    return (spectrum ** (1 / power)).mT


class Consistent:
    """The nearest spectrum that a sound has: analysis of the synthesis, what is fixed done once.

    `front_end.stft(front_end.istft(spectrum))` takes twice as long (`torch.istft` computes the
    overlap of the windows anew each time, and works against the order of the values in memory).

    Args:
        front_end: whose STFT it is.
        frames: T.
    """

    def __init__(self, front_end: LogMel, frames: int) -> None:
        s, window = front_end.settings, front_end.window
        left = (s.n_fft - s.win_length) // 2
        self._window = F.pad(window, (left, s.n_fft - s.win_length - left))
        self._n_fft, self._hop = s.n_fft, s.hop_length
        self._length = (frames - 1) * s.hop_length
        overlap = self._overlapped(self._window.square().expand(1, frames, -1))
        self._scale = overlap.clamp(min=1e-11).reciprocal()

    def __call__(self, spectrum: Tensor) -> Tensor:
        """Complex (B, T, n_fft / 2 + 1) -> the same; rows are frames."""
        frames = torch.fft.irfft(spectrum, self._n_fft) * self._window
        audio = self._overlapped(frames) * self._scale
        padded = F.pad(audio, (self._n_fft // 2, self._n_fft // 2), mode="reflect")
        return torch.fft.rfft(padded.unfold(1, self._n_fft, self._hop) * self._window)

    def _overlapped(self, frames: Tensor) -> Tensor:
        """Frames (B, T, n_fft) added where they overlap, without the padding: (B, length)."""
        total = self._length + self._n_fft
        summed = F.fold(frames.mT, (1, total), (1, self._n_fft), stride=(1, self._hop))
        return summed[:, 0, 0, self._n_fft // 2 : self._n_fft // 2 + self._length]


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
    consistent_with = Consistent(front_end, start.shape[2])

    def wanted(found: Tensor) -> Tensor:
        return magnitudes(found.abs().mT).mT

    start = start.mT.contiguous()
    spectrum = wanted(start) * torch.sgn(start)
    previous = torch.zeros_like(spectrum)
    for _ in range(iterations):
        consistent = consistent_with(spectrum)
        accelerated = torch.lerp(previous, consistent, 1 + momentum)
        spectrum = wanted(consistent) * torch.sgn(accelerated)
        previous = consistent
    return front_end.istft(spectrum.mT)
