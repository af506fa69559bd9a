"""Layers with their ways back, by the kernels that autograd calls: fast, on any device of torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.networks.layouts import is_slow_for_group_norm, layout_of

_aten = torch.ops.aten
_INPUT_ONLY = [True, False, False]


def conv(layer: nn.Conv2d, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The convolution of x (B, C, F, T), and from gradients (k * B, ...) at it to those at x."""
    shape, layout = x.shape[1:], layout_of(x)  # all that is looked at of x, which is not kept

    def back(g: Tensor) -> Tensor:
        shaped = torch.empty((len(g), *shape), dtype=g.dtype, device=g.device, memory_format=layout)
        gradient, _, _ = _aten.convolution_backward(
            g,
            shaped,
            layer.weight.to(g.dtype),
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


def norm_silu(norm: nn.GroupNorm, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """GroupNorm and SiLU of x (B, C, F, T), and the way back, as of `conv`."""
    layout = layout_of(x)
    x = _for_group_norm(x)
    batch, channels, positions = len(x), x.shape[1], x.shape[2:].numel()
    h, mean, deviation = torch.native_group_norm(
        x, norm.weight, norm.bias, batch, channels, positions, norm.num_groups, norm.eps
    )

    def back(g: Tensor) -> Tensor:
        times = len(g) // batch
        g = _aten.silu_backward(_for_group_norm(g), _again(h, times))
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
        return gradient.contiguous(memory_format=layout)

    return F.silu(h).contiguous(memory_format=layout), back


def _for_group_norm(x: Tensor) -> Tensor:
    """In the layout that the operation takes, and is fast in.

    Away from the CPU it knows no channels_last. Compiled, it is taken apart into operations that
    take any.
    """
    any_layout = x.device.type == "cpu" or torch.compiler.is_compiling()
    return x if any_layout and not is_slow_for_group_norm(x) else x.contiguous()


def _again(x: Tensor, times: int) -> Tensor:
    """The batch several times over, in the same layout."""
    return x if times == 1 else torch.cat([x] * times)
