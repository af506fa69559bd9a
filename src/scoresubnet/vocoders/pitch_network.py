"""A small network of torch that reads voicing and pitch in log-Mels, and its losses.

ConvNeXt blocks over time (Liu et al., "A ConvNet for the 2020s", CVPR 2022), then classification.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from scoresubnet.process.caller import undisturbed
from scoresubnet.vocoders.pitch import PitchLogits, PitchNetworkConfig, PitchReader
from scoresubnet.weight_files.foreign_weights import weights_hash


class PitchLosses(NamedTuple):
    """Scalars: cross-entropy of the bins over voiced frames, and of voicing over all frames."""

    bins: Tensor
    voiced: Tensor


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


def reader_of(network: PitchNetwork) -> PitchReader:
    """The network for `PitchVocoder`, put into evaluation mode."""
    network.eval()

    @undisturbed()
    def read(x: NDArray[np.float32]) -> PitchLogits:
        bins, voiced = network(torch.from_numpy(x))
        return PitchLogits(bins.numpy(), voiced.numpy())

    return PitchReader(read, network.config, weights_hash(network))


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
