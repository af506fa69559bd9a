"""Gradients of several functions of the classifier's logits, by one way back for all of them.

Autograd makes one backward pass for each function. Here their gradients lie side by side in the
batch: each layer of the frozen network is visited once, with a larger batch, which costs the same
multiply-adds and fewer, better filled calls. Only gradients of activations are computed.

Layers are described once more here, in the order of `Classifier.features`, each with its way back;
the tests hold both ways against autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.networks import layers_by_kernels, layers_by_operators
from scoresubnet.networks.blocks import ResBlock, Stage
from scoresubnet.networks.classifier import Classifier
from scoresubnet.networks.layouts import layout_of

Back = Callable[[Tensor], Tensor]
"""Gradient at a layer's output (k * B, ...) -> at its input (k * B, ...), k functions at once."""


class Recorded(NamedTuple):
    """A forward pass that can be gone back.

    Attributes:
        logits: (B, C).
        taps: h^(k), each (B, C_k, F_k, T_k), as of `Classifier.features`.
        head: gradient at the logits (k * B, C) -> at the last tap.
        steps: from each tap to the one before it, the first of them back to the input X_t.
    """

    logits: Tensor
    taps: tuple[Tensor, ...]
    head: Back
    steps: tuple[Back, ...]


@torch.no_grad()
def record(
    classifier: Classifier,
    x: Tensor,
    t: Tensor,
    every_block: bool = False,
    layers: ModuleType | None = None,
) -> Recorded:
    """The forward pass at x (B, 1, F, T), t (B,), and its way back; `classifier` in eval mode.

    Args:
        classifier: in eval mode.
        x: (B, 1, F, T).
        t: (B,).
        every_block: taps are where `Classifier.features` has them with the same value.
        layers: `layers_by_kernels`, or `layers_by_operators` for the graph of another runtime;
            None is the one that fits.
    """
    if layers is None:
        layers = layers_by_operators if torch.compiler.is_exporting() else layers_by_kernels
    embedding = F.silu(classifier.time(t))
    patch = classifier.input.patch
    h, conv_back = layers.conv(classifier.input.project, F.pixel_unshuffle(x, patch))
    taps: list[Tensor] = [h]
    steps: list[Back] = [lambda g: F.pixel_shuffle(conv_back(g), patch)]
    for stage in [*classifier.stages, classifier.bottleneck]:
        assert isinstance(stage, Stage)
        outputs, ways = _stage(layers, stage, h, embedding)
        h = outputs[-1] if outputs else h  # a bottleneck may have no blocks
        taps += outputs if every_block else [h]
        steps += ways if every_block else [partial(_through, ways)]
    shape, layout, head = h.shape[1:], layout_of(h), classifier.head

    def head_back(g: Tensor) -> Tensor:
        return (g @ head.weight).unflatten(1, shape).contiguous(memory_format=layout)

    return Recorded(head(h.flatten(1)), tuple(taps), head_back, tuple(steps))


def _stage(
    layers: ModuleType, stage: Stage, x: Tensor, embedding: Tensor
) -> tuple[list[Tensor], list[Back]]:
    """The output of each block, and the way back from it to the one before, or into the stage."""
    outputs: list[Tensor] = []
    ways: list[Back] = []
    down: list[Back] = []
    if isinstance(stage.down, nn.Conv2d):
        x, back = layers.conv(stage.down, x)
        down = [back]
    for block in stage.blocks:
        assert isinstance(block, ResBlock)
        x, back = _block(layers, block, x, embedding)
        outputs.append(x)
        ways.append(back)
    if down:
        ways[0] = partial(_through, [*down, ways[0]])
    return outputs, ways


def _through(ways: list[Back], g: Tensor) -> Tensor:
    for back in reversed(ways):
        g = back(g)
    return g


def _block(
    layers: ModuleType, block: ResBlock, x: Tensor, embedding: Tensor
) -> tuple[Tensor, Back]:
    h, norm1 = layers.norm_silu(block.norm1, x)
    h, conv1 = layers.conv(block.conv1, h)
    h = h + block.time(embedding)[:, :, None, None]
    h, norm2 = layers.norm_silu(block.norm2, h)
    h, conv2 = layers.conv(block.conv2, h)
    if not isinstance(block.skip, nn.Conv2d):
        return x + h, lambda g: g + _through([norm1, conv1, norm2, conv2], g)
    skipped, skip = layers.conv(block.skip, x)
    return skipped + h, lambda g: skip(g) + _through([norm1, conv1, norm2, conv2], g)
