"""Layers with their ways back, by forward operators alone, which every runtime of graphs has."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(layer: nn.Conv2d, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The convolution of x (B, C, F, T), and from gradients (k * B, ...) at it to those at x.

    The way back of a convolution of stride 1 is one with the kernels turned round, of input and
    output channels exchanged: runtimes have faster convolutions than transposed ones.
    """
    weight, (stride, _) = layer.weight, layer.stride
    assert isinstance(layer.padding[0], int)
    padding, kernel = layer.padding[0], weight.shape[2]

    def back(g: Tensor) -> Tensor:
        if stride == 1:
            turned = weight.transpose(0, 1).flip(2, 3)
            return F.conv2d(g, turned, padding=kernel - 1 - padding)
        # x has an even size, of which a strided convolution does not see all.
        left = (x.shape[2] + 2 * padding - kernel) % stride
        return F.conv_transpose2d(g, weight, None, stride, padding, left)

    return layer(x), back


def norm_silu(norm: nn.GroupNorm, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """GroupNorm and SiLU of x (B, C, F, T), and the way back, as of `conv`."""
    shape = x.shape[1:]
    weight, bias = norm.weight[:, None, None], norm.bias[:, None, None]
    grouped = x.reshape(-1, norm.num_groups, shape.numel() // norm.num_groups)
    centred = grouped - grouped.mean(2, keepdim=True)
    scale = torch.rsqrt(centred.square().mean(2, keepdim=True) + norm.eps)
    normal = centred * scale
    h = normal.reshape(-1, *shape) * weight + bias
    gate = torch.sigmoid(h)
    slope = gate * (1 + h * (1 - gate)) * weight

    def back(g: Tensor) -> Tensor:
        each = g.reshape(-1, *x.shape) * slope  # (k, B, C, F, T)
        each = each.reshape(-1, *normal.shape)
        along = (each * normal).mean(3, keepdim=True)
        each = scale * (each - each.mean(3, keepdim=True) - normal * along)
        return each.reshape(-1, *shape)

    return h * gate, back
