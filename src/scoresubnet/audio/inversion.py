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
        (B, n_fft / 2 + 1, T), at least floor ** (1 / power) of the front end.
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
    spectrum, mel = magnitude.mT, mel.mT  # rows are frames, as `Consistent` has them
    spectrum = spectrum if power == 1 else spectrum**power
    for _ in range(updates):
        ratio = mel / (spectrum @ to_bands).clamp_(min=1e-12)
        spectrum = spectrum * (ratio @ front_end.shares)
    return (spectrum if power == 1 else spectrum ** (1 / power)).mT


_TINY = 1e-20  # no magnitude that is not zero is below it


class Consistent:
    """The nearest spectrum that a sound has: analysis of the synthesis, what is fixed done once.

    `front_end.stft(front_end.istft(spectrum))` takes several times as long: `torch.istft` computes
    the overlap of the windows anew each time, and works against the order of values in memory.

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
        frames = torch.fft.irfft(spectrum, self._n_fft).mul_(self._window)
        audio = self._overlapped(frames) * self._scale
        padded = F.pad(audio, (self._n_fft // 2, self._n_fft // 2), mode="reflect")
        return torch.fft.rfft(padded.unfold(1, self._n_fft, self._hop) * self._window)

    def _overlapped(self, frames: Tensor) -> Tensor:
        """Frames (B, T, n_fft) added where they overlap, without the padding: (B, length)."""
        batch, count, _ = frames.shape
        pieces = -(-self._n_fft // self._hop)
        filled = F.pad(frames, (0, pieces * self._hop - self._n_fft))
        summed = frames.new_zeros(batch, count + pieces - 1, self._hop)
        for k, piece in enumerate(filled.split(self._hop, dim=2)):
            summed[:, k : k + count] += piece
        return summed.flatten(1)[:, self._n_fft // 2 : self._n_fft // 2 + self._length]


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
        start: complex spectrum (B, n_fft / 2 + 1, T).
        magnitudes: from those of the last audio to those wanted, both (B, n_fft / 2 + 1, T). A
            constant gives the algorithm of the paper.
        front_end: whose STFT it is.
        iterations: projections onto the consistent spectrograms.
        momentum: the alpha of Perraudin et al.; 0 is the Griffin-Lim of 1984.
        lead: the same for what `magnitudes` gets (ours); 0 gives it those of the last audio.

    Returns:
        audio (B, (T - 1) * hop_length).
    """
    consistent_with = Consistent(front_end, start.shape[2])

    def wanted(size: Tensor, direction: Tensor) -> Tensor:
        """The magnitudes that are wanted after those of `size`, with the phases of `direction`."""
        gain = magnitudes(_magnitude(size).mT).mT / _magnitude(direction).clamp_(min=_TINY)
        return direction * gain

    start = start.mT.contiguous()
    spectrum = wanted(start, start)
    previous = torch.zeros_like(spectrum)
    for _ in range(iterations):
        consistent = consistent_with(spectrum)
        before, now = torch.view_as_real(previous), torch.view_as_real(consistent)
        ahead = torch.lerp(before, now, 1 + momentum)
        size = torch.lerp(before, now, 1 + lead) if lead else now
        spectrum = wanted(torch.view_as_complex(size), torch.view_as_complex(ahead))
        previous = consistent
    return front_end.istft(spectrum.mT)


def _magnitude(spectrum: Tensor) -> Tensor:
    """What `spectrum.abs()` gives, in half the time."""
    real, imaginary = torch.view_as_real(spectrum).unbind(-1)
    return real.square().addcmul_(imaginary, imaginary).sqrt_()
