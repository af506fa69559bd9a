"""Gradients of several functions of the classifier's logits, by one way back for all of them.

Autograd makes one backward pass for each function. Here their gradients lie side by side in the
batch: each layer of the frozen network is visited once, with a larger batch, which costs the same
multiply-adds and fewer, better filled calls. Only gradients of activations are computed.

Layers are described once more in this file, in the order of `Classifier.features`, each with its
way back; the tests hold both ways against autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.networks.blocks import ResBlock, Stage
from scoresubnet.networks.classifier import Classifier

Back = Callable[[Tensor], Tensor]
"""Gradient at a layer's output (k * B, ...) -> at its input (k * B, ...), k functions at once."""

_aten = torch.ops.aten
_INPUT_ONLY = [True, False, False]


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
def record(classifier: Classifier, x: Tensor, t: Tensor, every_block: bool = False) -> Recorded:
    """The forward pass at x (B, 1, F, T), t (B,), and its way back; `classifier` in eval mode.

    Taps are where `Classifier.features` has them with the same `every_block`.
    """
    embedding = F.silu(classifier.time(t))
    patch = classifier.input.patch
    h, conv_back = _conv(classifier.input.project, F.pixel_unshuffle(x, patch))
    taps: list[Tensor] = [h]
    steps: list[Back] = [lambda g: F.pixel_shuffle(conv_back(g), patch)]
    for stage in [*classifier.stages, classifier.bottleneck]:
        assert isinstance(stage, Stage)
        outputs, ways = _stage(stage, h, embedding)
        h = outputs[-1] if outputs else h  # a bottleneck may have no blocks
        taps += outputs if every_block else [h]
        steps += ways if every_block else [partial(_through, ways)]
    shape, layout, head = h.shape[1:], _layout(h), classifier.head

    def head_back(g: Tensor) -> Tensor:
        return (g @ head.weight).unflatten(1, shape).contiguous(memory_format=layout)

    return Recorded(head(h.flatten(1)), tuple(taps), head_back, tuple(steps))


def _stage(stage: Stage, x: Tensor, embedding: Tensor) -> tuple[list[Tensor], list[Back]]:
    """The output of each block, and the way back from it to the one before, or into the stage."""
    outputs: list[Tensor] = []
    ways: list[Back] = []
    down: list[Back] = []
    if isinstance(stage.down, nn.Conv2d):
        x, back = _conv(stage.down, x)
        down = [back]
    for block in stage.blocks:
        assert isinstance(block, ResBlock)
        x, back = _block(block, x, embedding)
        outputs.append(x)
        ways.append(back)
    if down:
        ways[0] = partial(_through, [*down, ways[0]])
    return outputs, ways


def _through(ways: list[Back], g: Tensor) -> Tensor:
    for back in reversed(ways):
        g = back(g)
    return g


def _block(block: ResBlock, x: Tensor, embedding: Tensor) -> tuple[Tensor, Back]:
    h, norm1 = _norm_silu(block.norm1, x)
    h, conv1 = _conv(block.conv1, h)
    h = h + block.time(embedding)[:, :, None, None]
    h, norm2 = _norm_silu(block.norm2, h)
    h, conv2 = _conv(block.conv2, h)
    if not isinstance(block.skip, nn.Conv2d):
        return x + h, lambda g: g + _through([norm1, conv1, norm2, conv2], g)
    skipped, skip = _conv(block.skip, x)
    return skipped + h, lambda g: skip(g) + _through([norm1, conv1, norm2, conv2], g)


def _conv(layer: nn.Conv2d, x: Tensor) -> tuple[Tensor, Back]:
    shape, layout = x.shape[1:], _layout(x)  # all that is looked at of x, which is not kept

    def back(g: Tensor) -> Tensor:
        shaped = torch.empty((len(g), *shape), dtype=g.dtype, device=g.device, memory_format=layout)
        gradient, _, _ = _aten.convolution_backward(
            g,
            shaped,
            layer.weight,
            None,
            layer.stride,
            layer.padding,
            layer.dilation,
            False,
            [0, 0],
            layer.groups,
            _INPUT_ONLY,
        )
        return gradient

    return layer(x), back


def _norm_silu(norm: nn.GroupNorm, x: Tensor) -> tuple[Tensor, Back]:
    x = _for_group_norm(x)
    batch, channels, positions = len(x), x.shape[1], x.shape[2:].numel()
    h, mean, deviation = torch.native_group_norm(
        x, norm.weight, norm.bias, batch, channels, positions, norm.num_groups, norm.eps
    )

    def back(g: Tensor) -> Tensor:
        times = len(g) // batch
        g = _for_group_norm(_aten.silu_backward(g, _again(h, times)))
        gradient, _, _ = _aten.native_group_norm_backward(
            g,
            _again(x, times),
            _again(mean, times),
            _again(deviation, times),
            norm.weight,
            len(g),
            channels,
            positions,
            norm.num_groups,
            _INPUT_ONLY,
        )
        return gradient

    return F.silu(h), back


def _for_group_norm(x: Tensor) -> Tensor:
    """In the layout that the operation takes: away from the CPU it knows no channels_last.

    Compiled, it is taken apart into operations that take any.
    """
    any_layout = x.device.type == "cpu" or torch.compiler.is_compiling()
    return x if any_layout else x.contiguous()


def _again(x: Tensor, times: int) -> Tensor:
    """The batch several times over, in the same layout."""
    return x if times == 1 else torch.cat([x] * times)


def _layout(x: Tensor) -> torch.memory_format:
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format
