"""The U-Net baseline: the classifier's way down and a way up with skip connections."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scoresubnet.networks.blocks import (
    OutputHead,
    Patchify,
    ResBlock,
    Stage,
    TimeEmbedding,
)
from scoresubnet.options.ranges import check_shape


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the U-Net.

    Attributes:
        widths: channels of the stages; stride 2 between stages.
        blocks: ResBlocks of each stage on the way down.
        up_blocks: ResBlocks of each stage on the way up. Each reads one skip connection as long as
            there are any: the stage's outputs from the last block to the first, then its entry.
        bottleneck_blocks: ResBlocks between the two ways.
        patch: side of the square patches at input and output (1 = pixels).
        time_dim: width of the time embedding.
        label_conditioned: whether it is told the label, or that there is none; a vector for each is
            added to the time embedding (Ho & Salimans 2022).
    """

    widths: tuple[int, ...] = (64, 128, 256)
    blocks: tuple[int, ...] = (3, 3, 3)
    up_blocks: tuple[int, ...] = (6, 4, 3)
    bottleneck_blocks: int = 2
    patch: int = 1
    time_dim: int = 128
    label_conditioned: bool = False

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.blocks) == len(self.up_blocks):
            raise ValueError("widths, blocks and up_blocks must have one entry per stage")
        check_shape(self, may_be_zero=("bottleneck_blocks",))

    def refuse_size(self, bins: int, frames: int) -> None:
        """Refuse log-Mels (F=bins, T=frames) that the stages cannot halve.

        Raises:
            ValueError: they cannot.
        """
        factor = self.patch * 2 ** (len(self.widths) - 1)
        if bins % factor or frames % factor:
            raise ValueError(
                f"{bins} x {frames} does not divide by {factor} "
                f"(patch {self.patch}, {len(self.widths)} stages)"
            )


class UpStage(nn.Module):
    """ResBlocks that read skip connections, then a doubling or the head."""

    def __init__(
        self,
        below: int,
        width: int,
        skips: list[int],
        blocks: int,
        time_dim: int,
        exit: nn.Module,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResBlock((width if n else below) + sum(skips[n : n + 1]), width, time_dim)
            for n in range(blocks)
        )
        self.exit = exit

    def forward(self, x: Tensor, skips: list[Tensor], embedding: Tensor) -> Tensor:
        for n, block in enumerate(self.blocks):
            x = block(torch.cat([x, *skips[n : n + 1]], dim=1), embedding)
        return self.exit(x)


class UNet(nn.Module):
    """(X_t (B, 1, F, T), t (B,), labels (B,) or None) -> output (B, 1, F, T).

    Args:
        config: its shape.
        classes: number of labels that it can be told, if it is label-conditioned.
    """

    def __init__(self, config: UNetConfig, classes: int = 0) -> None:
        super().__init__()
        self.config = config
        widths, dim = config.widths, config.time_dim
        entries = [widths[0], *widths[:-1]]
        below = [*widths[1:], widths[-1]]
        self.time = TimeEmbedding(dim)
        if config.label_conditioned:
            # The last one is no label. Drawn from N(0, 1), as in Dhariwal & Nichol (2021): vectors
            # that start at zero are slow to tell words apart.
            self.labels = nn.Embedding(classes + 1, dim)
        self.input = Patchify(widths[0], config.patch)
        self.down = nn.ModuleList(
            Stage(entries[k], width, config.blocks[k], dim, down=k > 0)
            for k, width in enumerate(widths)
        )
        self.bottleneck = Stage(widths[-1], widths[-1], config.bottleneck_blocks, dim)
        self.up = nn.ModuleList()
        for k, width in enumerate(widths):
            exit = OutputHead(width, config.patch) if k == 0 else _doubling(width)
            skips = [*[width] * config.blocks[k], entries[k]]
            self.up.append(UpStage(below[k], width, skips, config.up_blocks[k], dim, exit))

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """The output in the parametrisation that the U-Net was trained in.

        Args:
            x: noisy log-Mels (B, 1, F, T).
            t: times (B,).
            labels: class indices (B,), -1 is no label, None none at all; others than
                label-conditioned U-Nets do not read them.
        """
        embedding = self.time(t)
        if self.config.label_conditioned:
            told = torch.full(t.shape, -1, device=t.device) if labels is None else labels
            embedding = embedding + self.labels(told % self.labels.num_embeddings)
        x = self.input(x)
        skips = []
        for stage in self.down:
            assert isinstance(stage, Stage)
            outputs = stage.outputs(x, embedding)
            x = outputs[-1]
            skips.append(outputs[::-1])
        x = self.bottleneck(x, embedding)
        for stage, outputs in zip(self.up[::-1], skips[::-1], strict=True):
            x = stage(x, outputs, embedding)
        return x


def _doubling(channels: int) -> nn.Sequential:
    """Nearest-neighbour doubling, then a 3 x 3 convolution: (B, C, F, T) -> (B, C, 2F, 2T)."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(channels, channels, 3, padding=1)
    )
