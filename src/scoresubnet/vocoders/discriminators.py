"""What tells real audio from made: multi-period and multi-resolution discriminators.

They exist in training alone. Each gives its score at every position, and the outputs of its layers
for feature matching. Channels are far fewer than in the papers: here a CPU has to carry them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

_SLOPE = 0.1


class Judgement(NamedTuple):
    """scores (B, positions), and the features of the layers before, each (B, C, H, W)."""

    scores: Tensor
    features: list[Tensor]


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Shape of the discriminators.

    Attributes:
        periods: one discriminator each, of audio folded to that many columns; prime numbers.
        period_channels: channels of their strided layers.
        resolutions: FFT sizes of the discriminators of spectrograms; the hop is a half.
        resolution_channels: channels of their layers.
    """

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    period_channels: tuple[int, ...] = (16, 32, 64, 128)
    resolutions: tuple[int, ...] = (1024, 512)
    resolution_channels: int = 16

    def __post_init__(self) -> None:
        if not self.periods and not self.resolutions:
            raise ValueError("no discriminators: give periods, resolutions or both")
        sizes = (*self.periods, *self.period_channels, self.resolution_channels)
        if min(sizes) < 1 or min(self.resolutions, default=4) < 4:
            raise ValueError(f"periods, channels and resolutions must be positive: {self}")


class PeriodDiscriminator(nn.Module):
    """Sees every p-th sample side by side (HiFi-GAN, Kong et al. 2020, section 2.3)."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        widths = [1, *channels]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), stride=(3, 1), padding=(2, 0)))
            for a, b in pairwise(widths)
        )
        self.last = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, audio: Tensor) -> Judgement:
        """audio (B, N)."""
        padded = F.pad(audio[:, None], (0, -audio.shape[1] % self.period), mode="reflect")
        return _judge(padded.unflatten(2, (-1, self.period)), self.layers, self.last)


class ResolutionDiscriminator(nn.Module):
    """Sees the magnitudes of one STFT (UnivNet, Jang et al. 2021, section 2.2)."""

    window: Tensor

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(channels if k else 1, channels, (9, 3), stride=(2, 1), padding=(4, 1))
            )
            for k in range(4)
        )
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, audio: Tensor) -> Judgement:
        """audio (B, N), N > n_fft / 2."""
        hop = self.n_fft // 2
        spectrum = torch.stft(audio, self.n_fft, hop, window=self.window, return_complex=True)
        # Where there is nothing, abs() would have no gradient.
        power = spectrum.real.square() + spectrum.imag.square()
        return _judge((power + 1e-8).sqrt()[:, None], self.layers, self.last)


class Discriminators(nn.Module):
    """All of them side by side: audio (B, N) -> one `Judgement` each."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        periods = [PeriodDiscriminator(p, config.period_channels) for p in config.periods]
        resolutions = [
            ResolutionDiscriminator(n, config.resolution_channels) for n in config.resolutions
        ]
        self.members = nn.ModuleList([*periods, *resolutions])

    def forward(self, audio: Tensor) -> list[Judgement]:
        return [member(audio) for member in self.members]


def _judge(h: Tensor, layers: nn.ModuleList, last: nn.Module) -> Judgement:
    features = []
    for layer in layers:
        h = F.leaky_relu(layer(h), _SLOPE)
        features.append(h)
    return Judgement(last(h).flatten(1), features)
