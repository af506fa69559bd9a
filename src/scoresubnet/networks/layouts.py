"""Memory layouts: channels_last for convolutions, and where another one is many times faster."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def layout_of(x: Tensor) -> torch.memory_format:
    """channels_last, if x is in that layout."""
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if channels_last else torch.contiguous_format


def norm_silu(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    """GroupNorm and SiLU of x (B, C, F, T), in the layout that is the faster one there."""
    layout = layout_of(x)
    if not is_slow_for_group_norm(x):
        return F.silu(norm(x))
    h: Tensor = _InLayout.apply(x, torch.contiguous_format)
    h = _InLayout.apply(F.silu(norm(h)), layout)
    return h


def is_slow_for_group_norm(x: Tensor) -> bool:
    """Whether GroupNorm of x is worth two changes of layout.

    On a CPU it is not vectorised for channels_last in bfloat16, and takes ten times as long.
    """
    return (
        x.dtype == torch.bfloat16
        and x.device.type == "cpu"
        and layout_of(x) is torch.channels_last
        and not torch.compiler.is_compiling()
    )


class _InLayout(torch.autograd.Function):
    """x in another layout, and its gradient in that of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: torch.memory_format) -> Tensor:
        ctx.layout = layout_of(x)
        return x.contiguous(memory_format=layout)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].contiguous(memory_format=ctx.layout), None
