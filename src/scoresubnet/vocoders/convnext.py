"""ConvNeXt blocks over time (Liu et al., "A ConvNet for the 2020s", CVPR 2022), at frame rate."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a perceptron at each frame: (B, T, C) -> (B, T, C).

    Args:
        scale: of the branch at the start of the training (LayerScale).
    """

    def __init__(self, width: int, hidden: int, kernel: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, hidden)
        self.reduce = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, h: Tensor) -> Tensor:
        branch = self.norm(self.depthwise(h.transpose(1, 2)).transpose(1, 2))
        return h + self.scale * self.reduce(F.gelu(self.expand(branch)))


class ConvNeXt(nn.Module):
    """Scaled log-Mels (B, 1, n_mels, T) -> features (B, T, width); a frame sees its neighbours.

    Args:
        bands: n_mels.
        width: channels between the blocks.
        hidden: channels inside them.
        blocks: how many.
        kernel: frames that each convolution spans; odd.
    """

    def __init__(self, bands: int, width: int, hidden: int, blocks: int, kernel: int) -> None:
        super().__init__()
        self.input = nn.Conv1d(bands, width, kernel, padding=kernel // 2)
        self.norm_in = nn.LayerNorm(width)
        self.blocks = nn.Sequential(
            *(ConvNeXtBlock(width, hidden, kernel, 1 / blocks) for _ in range(blocks))
        )
        self.norm_out = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm_in(self.input(x.squeeze(1)).transpose(1, 2))
        return self.norm_out(self.blocks(h))
