"""ResNeXt (Xie et al., CVPR 2017): a classifier of another family than the backbone, for judging.

Batch statistics are replaced by GroupNorm, so that no clip's embedding depends on its batch mates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.networks.blocks import group_norm
from scoresubnet.options.ranges import check_shape


@dataclass(frozen=True)
class ResNeXtConfig:
    """Shape of the network.

    Attributes:
        widths: channels of the stages; each works at half the resolution of what is before it.
        blocks: how many in each stage.
        cardinality: groups of the 3 x 3 convolutions.
        dropout: before the last layer, in training only.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    blocks: tuple[int, ...] = (2, 3, 3)
    cardinality: int = 8
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"one number of blocks per stage: widths {self.widths}, blocks {self.blocks}"
            )
        check_shape(self)
        if wrong := [w for w in self.widths if w % self.cardinality]:
            raise ValueError(f"widths {wrong} do not divide into {self.cardinality} groups")


class ResNeXtOutput(NamedTuple):
    """logits (B, C), and the embedding they are made from (B, last width)."""

    logits: Tensor
    embedding: Tensor


class ResNeXtBlock(nn.Module):
    """1 x 1, grouped 3 x 3, 1 x 1 convolution beside a skip connection (figure 3c)."""

    def __init__(self, in_channels: int, width: int, cardinality: int, stride: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm1 = group_norm(width)
        self.grouped = nn.Conv2d(
            width, width, 3, stride=stride, padding=1, groups=cardinality, bias=False
        )
        self.norm2 = group_norm(width)
        self.expand = nn.Conv2d(width, width, 1, bias=False)
        self.norm3 = group_norm(width)
        skip: list[nn.Module] = []
        if stride > 1:
            skip.append(nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False))
        if in_channels != width:
            skip.append(nn.Conv2d(in_channels, width, 1, bias=False))
        self.skip = nn.Sequential(*skip)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, F, T) -> (B, width, F / stride, T / stride), rounded up."""
        h = F.relu(self.norm1(self.reduce(x)))
        h = F.relu(self.norm2(self.grouped(h)))
        return F.relu(self.skip(x) + self.norm3(self.expand(h)))


class ResNeXt(nn.Module):
    """Log-Mels (B, 1, F, T) of any size -> word."""

    def __init__(self, config: ResNeXtConfig, classes: int) -> None:
        super().__init__()
        self.config, self.classes = config, classes
        # The only convolution at full resolution has one input channel: more would take most of
        # the time.
        self.input = nn.Conv2d(1, config.widths[0], 5, stride=2, padding=2, bias=False)
        self.norm = group_norm(config.widths[0])
        blocks: list[nn.Module] = []
        channels = config.widths[0]
        for stage, (width, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for k in range(count):
                stride = 2 if stage and k == 0 else 1
                blocks.append(ResNeXtBlock(channels, width, config.cardinality, stride))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> ResNeXtOutput:
        """The embedding is the mean over positions of the last block's output."""
        return self.classify(self.maps(x))

    def maps(self, x: Tensor) -> Tensor:
        """The last block's output (B, last width, F', T')."""
        return self.blocks(F.relu(self.norm(self.input(x))))

    def classify(self, maps: Tensor) -> ResNeXtOutput:
        """The answer for the whole clip, from the output of `maps`."""
        embedding = maps.mean(dim=(2, 3))
        return ResNeXtOutput(self.head(self.dropout(embedding)), embedding)
