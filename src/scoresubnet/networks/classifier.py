"""The noise-conditioned classifier: a U-Net's way down, flattened into logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from scoresubnet.networks.blocks import Patchify, Stage, TimeEmbedding
from scoresubnet.options.ranges import check_shape


@dataclass(frozen=True)
class ClassifierConfig:
    """Shape of the classifier.

    Attributes:
        widths: channels of the stages; stride 2 between stages, none after the last.
        blocks: ResBlocks of each stage.
        bottleneck_blocks: ResBlocks after the last stage.
        patch: side of the square patches that the input projection reads (1 = pixels).
        time_dim: width of the time embedding.
        dropout: before the last layer, in training only.
        mel_bins: F, height of the input.
        frames: T, width of the input.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    blocks: tuple[int, ...] = (3, 3, 3)
    bottleneck_blocks: int = 2
    patch: int = 1
    time_dim: int = 128
    dropout: float = 0.0
    mel_bins: int = 80
    frames: int = 64

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"one number of blocks per stage: widths {self.widths}, blocks {self.blocks}"
            )
        check_shape(self, may_be_zero=("bottleneck_blocks",))
        factor = self.patch * 2 ** (len(self.widths) - 1)
        if self.mel_bins % factor or self.frames % factor:
            raise ValueError(
                f"{self.mel_bins} x {self.frames} does not divide by {factor} "
                f"(patch {self.patch}, {len(self.widths)} stages)"
            )

    @property
    def tap_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """(C_k, F_k, T_k) of the taps: input projection, each stage, bottleneck."""
        shapes = [self._shape(k) for k in range(len(self.widths))]
        return (shapes[0], *shapes, shapes[-1])

    @property
    def block_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """(C_k, F_k, T_k) of the taps if there is one at every block: input projection, blocks."""
        shapes = [self._shape(0)]
        for k, blocks in enumerate(self.blocks):
            shapes += [self._shape(k)] * blocks
        return (*shapes, *[shapes[-1]] * self.bottleneck_blocks)

    def _shape(self, stage: int) -> tuple[int, int, int]:
        factor = self.patch * 2**stage
        return (self.widths[stage], self.mel_bins // factor, self.frames // factor)


class ClassifierOutput(NamedTuple):
    """logits f(X_t, t) (B, C) and the forward taps h^(k), each (B, C_k, F_k, T_k)."""

    logits: Tensor
    taps: tuple[Tensor, ...]


class Classifier(nn.Module):
    """p(y | X_t, t): a U-Net's down path and bottleneck, flattened and mapped to logits (paper)."""

    def __init__(self, config: ClassifierConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.classes = classes
        widths = config.widths
        self.time = TimeEmbedding(config.time_dim)
        self.input = Patchify(widths[0], config.patch)
        self.stages = nn.ModuleList(
            Stage(widths[max(k - 1, 0)], width, config.blocks[k], config.time_dim, down=k > 0)
            for k, width in enumerate(widths)
        )
        self.bottleneck = Stage(widths[-1], widths[-1], config.bottleneck_blocks, config.time_dim)
        channels, bins, frames = config.tap_shapes[-1]
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(channels * bins * frames, classes)

    def features(self, x: Tensor, t: Tensor, every_block: bool = False) -> ClassifierOutput:
        """Logits and forward taps.

        Args:
            x: noisy log-Mels (B, 1, F, T).
            t: times (B,).
            every_block: whether there is a tap after every block, not after every stage alone.

        Raises:
            ValueError: x has another shape than the classifier was built for.
        """
        expected = (1, self.config.mel_bins, self.config.frames)
        if tuple(x.shape[1:]) != expected:
            raise ValueError(f"expected x of shape (B, {expected}), got {tuple(x.shape)}")
        embedding = self.time(t)
        h = self.input(x)
        taps = [h]
        for stage in [*self.stages, self.bottleneck]:
            outputs = stage.outputs(h, embedding)
            h = outputs[-1]
            taps += outputs[1:] if every_block else [h]
        logits = self.head(self.dropout(h.flatten(1)))
        return ClassifierOutput(logits, tuple(taps))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Logits f(X_t, t) (B, C)."""
        return self.features(x, t).logits
