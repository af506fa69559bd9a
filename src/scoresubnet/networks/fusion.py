"""Fusions of a forward tap with its gradient tap: the registry `FUSIONS`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CrossAttentionFusion(nn.Module):
    """The forward tap asks, the gradient tap answers: cross-attention inside local windows (paper).

    Attention over all 80 x 64 = 5,120 positions would be dear, so both taps are cut into windows of
    `window` = 10 x 8 positions (ours), which divide every resolution of the presets. A position
    attends to the 80 positions of its window: 2 * 80 * C multiply-adds.
    """

    window = (10, 8)

    def __init__(self, channels: int, size: tuple[int, int], head_channels: int = 32) -> None:
        super().__init__()
        if size[0] % self.window[0] or size[1] % self.window[1]:
            raise ValueError(
                f"a tap of {size} positions does not divide into {self.window} windows"
            )
        if channels % head_channels:
            head_channels = channels
        self.heads = channels // head_channels
        self.position = nn.Parameter(torch.zeros(self.window[0] * self.window[1], channels))
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.out = nn.Linear(channels, channels)
        nn.init.normal_(self.position, std=0.02)

    def forward(self, forward_tap: Tensor, gradient_tap: Tensor) -> Tensor:
        """Both (B, C, F_k, T_k) -> (B, C, F_k, T_k)."""
        queries = self._windows(forward_tap) + self.position
        answers = self._windows(gradient_tap) + self.position
        keys, values = self.key_value(answers).chunk(2, dim=-1)
        attended = _attention(
            self._heads(self.query(queries)), self._heads(keys), self._heads(values)
        )
        attended = self.out(attended.transpose(1, 2).flatten(2))
        return forward_tap + self._whole(attended, forward_tap.shape)

    def _windows(self, x: Tensor) -> Tensor:
        """(B, C, F, T) -> (B * windows, positions of a window, C)."""
        (f, t), (batch, channels, bins, frames) = self.window, x.shape
        x = x.permute(0, 2, 3, 1).reshape(batch, bins // f, f, frames // t, t, channels)
        return x.transpose(2, 3).reshape(-1, f * t, channels)

    def _whole(self, x: Tensor, shape: torch.Size) -> Tensor:
        """The inverse of `_windows`."""
        (f, t), (batch, channels, bins, frames) = self.window, shape
        x = x.reshape(batch, bins // f, frames // t, f, t, channels).transpose(2, 3)
        return x.reshape(batch, bins, frames, channels).permute(0, 3, 1, 2)

    def _heads(self, x: Tensor) -> Tensor:
        """(N, L, C) -> (N, heads, L, C / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Scaled dot-product attention, each (N, heads, L, D).

    On a CPU the backward pass of torch's kernel takes ten times as long in bfloat16 as that of two
    matrix products.
    """
    if queries.device.type == "cpu" and queries.dtype == torch.bfloat16:
        scaled = queries * queries.shape[-1] ** -0.5
        return (scaled @ keys.transpose(-1, -2)).softmax(-1) @ values
    return F.scaled_dot_product_attention(queries, keys, values)


class AdditionFusion(nn.Module):
    """The sum of the two projected taps."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()

    def forward(self, forward_tap: Tensor, gradient_tap: Tensor) -> Tensor:
        """Both (B, C, F_k, T_k) -> (B, C, F_k, T_k)."""
        return forward_tap + gradient_tap


class ConcatenationFusion(nn.Module):
    """The two projected taps side by side, mixed by a 1 x 1 convolution."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.mix = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, forward_tap: Tensor, gradient_tap: Tensor) -> Tensor:
        """Both (B, C, F_k, T_k) -> (B, C, F_k, T_k)."""
        return self.mix(torch.cat([forward_tap, gradient_tap], dim=1))


FUSIONS: dict[str, type[nn.Module]] = {
    "cross-attention": CrossAttentionFusion,
    "addition": AdditionFusion,
    "concatenation": ConcatenationFusion,
}
