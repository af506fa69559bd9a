"""Noise from seeds."""

from __future__ import annotations

import torch
from torch import Tensor

from scoresubnet.samplers import Noise


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
