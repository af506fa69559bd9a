"""Voicing and pitch, read from log-Mels by a small network.

ConvNeXt blocks over time (Liu et al., "A ConvNet for the 2020s", CVPR 2022), then classification
over logarithmic bins of frequency, as in CREPE (Kim et al., ICASSP 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.ranges import check_shape

HIGHEST = 1e5
"""Hertz; of any sound."""


class Pitch(NamedTuple):
    """f0 (B, T) in Hz, of use where there is a voice; voiced (B, T), the probability of that."""

    f0: Tensor
    voiced: Tensor


class PitchLogits(NamedTuple):
    """Of the frequency bins (B, T, bins), and of there being a voice (B, T)."""

    bins: Tensor
    voiced: Tensor


class PitchLosses(NamedTuple):
    """Scalars: cross-entropy of the bins over voiced frames, and of voicing over all frames."""

    bins: Tensor
    voiced: Tensor


@dataclass(frozen=True)
class PitchNetworkConfig:
    """Shape of the network, and what its outputs mean.

    Attributes:
        width: channels between the blocks; twice as many inside them.
        blocks: how many.
        kernel: frames that each convolution spans; odd.
        f_min: frequency of the first bin, Hz; by default the least that `audio.pitch` tracks.
        f_max: of the last one, at least.
        bins_per_octave: 48 are 25 cents wide each.

    Raises:
        ValueError: a number is out of range, the kernel even, or f_max not above f_min.
    """

    width: int = 96
    blocks: int = 3
    kernel: int = 7
    f_min: float = 60.0
    f_max: float = 500.0
    bins_per_octave: int = 48

    def __post_init__(self) -> None:
        check_shape(self)
        if self.kernel % 2 == 0 or not 1 <= self.f_min < self.f_max <= HIGHEST:
            raise ValueError(
                f"kernel must be odd, and 1 <= f_min < f_max <= {HIGHEST:g} hertz: {self}"
            )

    @property
    def bins(self) -> int:
        return math.ceil(self.bins_per_octave * math.log2(self.f_max / self.f_min)) + 1

    @property
    def reach(self) -> int:
        """Frames to each side of one that its pitch is read in."""
        return (self.blocks + 1) * (self.kernel // 2)

    def position(self, f0: Tensor) -> Tensor:
        """Hz -> place among the bins, beyond the range that of its end."""
        return self.bins_per_octave * torch.log2(f0.clamp(self.f_min, self.f_max) / self.f_min)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a perceptron at each frame: (B, T, C) -> (B, T, C).

    Args:
        width: C; twice as many channels inside.
        kernel: frames that the convolution spans; odd.
        scale: of the branch at the start of the training (LayerScale).
    """

    def __init__(self, width: int, kernel: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.reduce = nn.Linear(2 * width, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, h: Tensor) -> Tensor:
        branch = self.norm(self.depthwise(h.transpose(1, 2)).transpose(1, 2))
        return h + self.scale * self.reduce(F.gelu(self.expand(branch)))


class PitchNetwork(nn.Module):
    """Scaled log-Mels -> logits of the bins and of voicing; a frame sees its neighbours.

    Args:
        config: its shape.
        bands: n_mels.
    """

    def __init__(self, config: PitchNetworkConfig, bands: int) -> None:
        super().__init__()
        self.config = c = config
        self.input = nn.Conv1d(bands, c.width, c.kernel, padding=c.kernel // 2)
        self.norm_in = nn.LayerNorm(c.width)
        self.blocks = nn.Sequential(
            *(ConvNeXtBlock(c.width, c.kernel, 1 / c.blocks) for _ in range(c.blocks))
        )
        self.norm_out = nn.LayerNorm(c.width)
        self.head = nn.Linear(c.width, c.bins + 1)

    def forward(self, x: Tensor) -> PitchLogits:
        """x (B, 1, n_mels, T) in [-1, 1]."""
        h = self.norm_in(self.input(x.squeeze(1)).transpose(1, 2))
        h = self.norm_out(self.blocks(h))
        bins, voiced = self.head(h).split((self.config.bins, 1), dim=-1)
        return PitchLogits(bins, voiced.squeeze(-1))


def decode_pitch(logits: PitchLogits, config: PitchNetworkConfig, reach: int) -> Pitch:
    """The mean of the bins around the best one, by their probability, as in CREPE.

    Args:
        logits: of the network.
        config: of the network.
        reach: bins to each side of the best one.
    """
    positions = torch.arange(config.bins, device=logits.bins.device)
    best = logits.bins.argmax(dim=-1, keepdim=True)
    near = (positions - best).abs() <= reach
    weights = logits.bins.masked_fill(~near, -math.inf).softmax(dim=-1)
    octaves = (weights * positions).sum(dim=-1) / config.bins_per_octave
    return Pitch(config.f_min * torch.exp2(octaves), logits.voiced.sigmoid())


def pitch_losses(
    logits: PitchLogits, f0: Tensor, config: PitchNetworkConfig, blur: float = 1.0
) -> PitchLosses:
    """Losses of the logits against tracked f0 (B, T) in Hz, 0 where there is no voice.

    The target of a frame is a Gaussian over the bins around its frequency, of a standard deviation
    of `blur` bins.
    """
    voiced = f0 > 0
    distance = torch.arange(config.bins, device=f0.device) - config.position(f0)[..., None]
    targets = (-0.5 * (distance / blur).square()).softmax(dim=-1)
    each = -(targets * logits.bins.log_softmax(dim=-1)).sum(dim=-1)
    bins = (each * voiced).sum() / voiced.sum().clamp(min=1)
    return PitchLosses(bins, F.binary_cross_entropy_with_logits(logits.voiced, voiced.float()))
