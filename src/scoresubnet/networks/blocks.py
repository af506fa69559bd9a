"""Blocks that all networks share. GroupNorm only: no item sees its batch mates."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.networks.layouts import norm_silu


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with up to 32 groups of at least four channels."""
    groups = math.gcd(channels, 32)
    while channels // groups < 4 and groups > 1:
        groups //= 2
    return nn.GroupNorm(groups, channels)


def start_at_zero(layer: nn.Module) -> None:
    """Zero all parameters of a layer, so that its branch does nothing at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class TimeEmbedding(nn.Module):
    """Sinusoids of log-spaced frequencies, then a two-layer perceptron: t (B,) -> (B, dim)."""

    frequencies: Tensor

    def __init__(self, dim: int, features: int = 64, max_frequency: float = 1000.0) -> None:
        super().__init__()
        # On the CPU even where the rest is built on meta, to be loaded: no file has them.
        frequencies = torch.logspace(0, math.log10(max_frequency), features // 2, device="cpu")
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.mlp = nn.Sequential(nn.Linear(features, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t: Tensor) -> Tensor:
        angles = t[:, None] * self.frequencies.to(t.device)
        return self.mlp(torch.cat([angles.sin(), angles.cos()], dim=1))


class ResBlock(nn.Module):
    """Two 3 x 3 convolutions with GroupNorm and SiLU before each, and the time added in between.

    (B, in_channels, F, T), time embedding (B, time_dim) -> (B, out_channels, F, T). The second
    convolution starts at zero, so that the block starts as its skip connection.
    """

    def __init__(self, in_channels: int, out_channels: int, time_dim: int) -> None:
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time = nn.Linear(time_dim, out_channels)
        self.norm2 = group_norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        start_at_zero(self.conv2)
        self.skip: nn.Module = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Conv2d(in_channels, out_channels, 1)
        )

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(norm_silu(self.norm1, x))
        h = h + self.time(F.silu(embedding))[:, :, None, None]
        h = self.conv2(norm_silu(self.norm2, h))
        return self.skip(x) + h


class Downsample(nn.Conv2d):
    """Stride-2 convolution: (B, C, F, T) -> (B, C, F/2, T/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1)


class Stage(nn.Module):
    """ResBlocks, the first of which changes the width; a stride-2 convolution may come before."""

    def __init__(
        self, in_channels: int, width: int, blocks: int, time_dim: int, down: bool = False
    ) -> None:
        super().__init__()
        self.down = Downsample(in_channels) if down else nn.Identity()
        self.blocks = nn.ModuleList(
            ResBlock(width if n else in_channels, width, time_dim) for n in range(blocks)
        )

    def outputs(self, x: Tensor, embedding: Tensor) -> list[Tensor]:
        """The input of the first ResBlock and the output of each: blocks + 1 tensors."""
        outputs = [self.down(x)]
        for block in self.blocks:
            outputs.append(block(outputs[-1], embedding))
        return outputs

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, in_channels, F, T) -> (B, width, F, T), or half of F and T."""
        return self.outputs(x, embedding)[-1]


class Upsample(nn.Module):
    """1 x 1 convolution, then nearest-neighbour doubling: (B, C, F, T) -> (B, C', 2F, 2T).

    The two commute; in this order the convolution costs a quarter. The next ResBlock smooths.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.project(x), scale_factor=2.0, mode="nearest")


class Patchify(nn.Module):
    """Input projection, a 3 x 3 convolution of p x p patches: (B, 1, F, T) -> (B, C, F/p, T/p)."""

    def __init__(self, channels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.project = nn.Conv2d(patch**2, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(F.pixel_unshuffle(x, self.patch))


class OutputHead(nn.Module):
    """GroupNorm, SiLU, convolution to p x p patches: (B, C, F/p, T/p) -> (B, 1, F, T)."""

    def __init__(self, channels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.norm = group_norm(channels)
        self.conv = nn.Conv2d(channels, patch**2, 3, padding=1)
        start_at_zero(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(norm_silu(self.norm, x)), self.patch)


def rms_normalise(x: Tensor, eps: float = 1e-12) -> Tensor:
    """Divide every item (C, F, T) by its root mean square; patterns stay, only the scale goes.

    eps keeps an all-zero tap at zero; it is far below the square of any tap in use.
    """
    return x * torch.rsqrt(x.square().mean(dim=(1, 2, 3), keepdim=True) + eps)
