"""The Score Subnet: a light decoder that turns a classifier's taps into the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from scoresubnet.networks.blocks import (
    OutputHead,
    ResBlock,
    TimeEmbedding,
    Upsample,
    rms_normalise,
)
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.fusion import FUSIONS
from scoresubnet.options.ranges import check_shape


@dataclass(frozen=True)
class SubnetConfig:
    """Shape of the Score Subnet.

    Attributes:
        widths: decoder channels at each tap: input projection, the stages, bottleneck; or, with
            `every_block`, input projection and all blocks.
        blocks: ResBlocks after each tap has been added, in the same order.
        fusion: a key of `networks.fusion.FUSIONS`; how a gradient tap joins its forward tap.
        gradient_taps: whether the gradient taps are read at all.
        label_taps: where a label is asked for they are of log p(y | X_t) instead of log p(X_t), so
            that the Score Subnet gives the score of that label (ours).
        keep_input_scale: leave the forward tap of the input projection un-normalised, so that the
            subnet sees X_t with its scale (ours; the paper normalises every tap).
        time_dim: width of the time embedding.
        forward_taps: whether the forward taps are read; of the two at least one.
        every_block: whether every block of the classifier has its tap, not every stage alone.
    """

    widths: tuple[int, ...] = (32, 32, 64, 128, 128)
    blocks: tuple[int, ...] = (3, 3, 3, 3, 3)
    fusion: str = "cross-attention"
    gradient_taps: bool = True
    label_taps: bool = False
    keep_input_scale: bool = False
    time_dim: int = 128
    forward_taps: bool = True
    every_block: bool = False

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"one number of blocks per width: widths {self.widths}, blocks {self.blocks}"
            )
        check_shape(self, may_be_zero=("blocks",))
        if self.fusion not in FUSIONS:
            raise ValueError(f"unknown fusion {self.fusion!r}; there are {', '.join(FUSIONS)}")
        if not (self.forward_taps or self.gradient_taps):
            raise ValueError("a subnet needs taps: forward_taps, gradient_taps or both")
        if self.label_taps and not self.gradient_taps:
            raise ValueError("label_taps need gradient_taps: they say what these are of")


class TapReader(nn.Module):
    """RMS-normalise the taps of a level, project them to `width` channels, fuse them (paper)."""

    def __init__(
        self, shape: tuple[int, int, int], width: int, config: SubnetConfig, keep_scale: bool
    ) -> None:
        super().__init__()
        channels, bins, frames = shape
        self.keep_scale = keep_scale
        self.reads_forward = config.forward_taps
        if config.forward_taps:
            self.project_forward = nn.Conv2d(channels, width, 1)
        if config.gradient_taps:
            self.project_gradient = nn.Conv2d(channels, width, 1)
        if config.forward_taps and config.gradient_taps:
            self.fuse = FUSIONS[config.fusion](width, (bins, frames))

    def forward(self, forward_tap: Tensor, gradient_tap: Tensor | None) -> Tensor:
        """h^(k) and g^(k), both (B, C_k, F_k, T_k) -> (B, width, F_k, T_k)."""
        found = []
        if self.reads_forward:
            forward_tap = forward_tap if self.keep_scale else rms_normalise(forward_tap)
            found.append(self.project_forward(forward_tap))
        if gradient_tap is not None:
            found.append(self.project_gradient(rms_normalise(gradient_tap)))
        return found[0] if len(found) == 1 else self.fuse(*found)


class Level(nn.Module):
    """ResBlocks at one tap's resolution, then the way to the next shallower one."""

    def __init__(
        self, width: int, blocks: int, time_dim: int, next_width: int | None, upsample: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResBlock(width, width, time_dim) for _ in range(blocks))
        self.up: nn.Module = nn.Identity()
        if upsample and next_width is not None:
            self.up = Upsample(width, next_width)
        elif next_width not in (None, width):
            self.up = nn.Conv2d(width, next_width, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, embedding)
        return self.up(x)


class ScoreSubnet(nn.Module):
    """Decoder over the fused taps, deepest first (paper): the network's output at (X_t, t)."""

    def __init__(self, config: SubnetConfig, backbone: ClassifierConfig) -> None:
        super().__init__()
        shapes = backbone.block_shapes if config.every_block else backbone.tap_shapes
        if len(config.widths) != len(shapes):
            where = f"input, {len(shapes) - 2} stages, bottleneck"
            if config.every_block:
                where = f"input, {len(shapes) - 1} blocks"
            raise ValueError(
                f"the classifier has {len(shapes)} taps ({where}), the subnet is configured for "
                f"{len(config.widths)}"
            )
        self.config = config
        self.time = TimeEmbedding(config.time_dim)
        self.readers = nn.ModuleList(
            TapReader(shape, width, config, keep_scale=config.keep_input_scale and k == 0)
            for k, (shape, width) in enumerate(zip(shapes, config.widths, strict=True))
        )
        self.levels = nn.ModuleList(
            Level(
                width,
                config.blocks[k],
                config.time_dim,
                next_width=config.widths[k - 1] if k else None,
                upsample=k > 0 and shapes[k - 1][1:] != shapes[k][1:],
            )
            for k, width in enumerate(config.widths)
        )
        self.head = OutputHead(config.widths[0], backbone.patch)

    def forward(
        self, forward_taps: Sequence[Tensor], gradient_taps: Sequence[Tensor] | None, t: Tensor
    ) -> Tensor:
        """Taps h^(k), g^(k), each (B, C_k, F_k, T_k), and times (B,) -> output (B, 1, F, T).

        Raises:
            ValueError: gradient taps are missing where the subnet reads them, or given where not.
        """
        if (gradient_taps is not None) != self.config.gradient_taps:
            raise ValueError(
                "this subnet reads gradient taps; none were given"
                if self.config.gradient_taps
                else "this subnet was built without gradient taps, yet some were given"
            )
        gradients = gradient_taps if gradient_taps is not None else [None] * len(forward_taps)
        fused = [
            reader(h, g) for reader, h, g in zip(self.readers, forward_taps, gradients, strict=True)
        ]
        embedding = self.time(t)
        x = self.levels[-1](fused[-1], embedding)
        for k in range(len(fused) - 2, -1, -1):
            x = self.levels[k](x + fused[k], embedding)
        return self.head(x)
