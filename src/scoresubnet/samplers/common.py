"""What every solver takes: noise of one generator per sample, a callback, one time per item."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE

Noise = Callable[[], Tensor]
Callback = Callable[[int, Tensor], None]
Sampler = Callable[[ScoreFunction, Tensor, Tensor, Noise, VPSDE, Callback], Tensor]


def no_callback(step: int, x: Tensor) -> None:
    """Do nothing: the callback of those who need none."""


def for_each_item(t: Tensor, x: Tensor) -> Tensor:
    """The time t () for every item of x (B, ...): (B,), in the type and place of x."""
    return torch.full((len(x),), t.item(), dtype=x.dtype, device=x.device)


def seeded_noise(seeds: list[int], shape: tuple[int, ...], device: torch.device | str) -> Noise:
    """One CPU generator per item: sample k depends on its own seed and on nothing beside it.

    Args:
        seeds: one seed per item.
        shape: shape of one item, (1, F, T).
        device: where the noise is sent; it is always drawn on the CPU.

    Returns:
        A function that gives the next noise (B, 1, F, T).
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def noise() -> Tensor:
        return torch.stack([torch.randn(shape, generator=g) for g in generators]).to(device)

    return noise
