"""Distributions of the times that trainings draw."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def uniform_times(count: int, t_eps: float, generator: torch.Generator) -> Tensor:
    """Training times drawn uniformly from [t_eps, 1), the paper's choice.

    Returns:
        times (count,) on the generator's device.
    """
    return t_eps + (1 - t_eps) * torch.rand(count, generator=generator, device=generator.device)


def logit_normal_times(
    count: int,
    t_eps: float,
    generator: torch.Generator,
    centre: float = 0.3,
    spread: float = 1.0,
    uniform_share: float = 0.2,
) -> Tensor:
    """Training times around the middle of the noise range, where most is decided: (count,).

    logit(t) is normal with mean logit(centre) and standard deviation `spread` (Esser et al. 2024);
    a share of the times stays uniform, so that no time is left out. On the generator's device.
    """
    mean, device = math.log(centre / (1 - centre)), generator.device
    middle = torch.sigmoid(mean + spread * torch.randn(count, generator=generator, device=device))
    uniform = torch.rand(count, generator=generator, device=device)
    take_uniform = torch.rand(count, generator=generator, device=device) < uniform_share
    return t_eps + (1 - t_eps) * torch.where(take_uniform, uniform, middle)


TIME_DISTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "uniform": uniform_times,
    "logit_normal": logit_normal_times,
}
