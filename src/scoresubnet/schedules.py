"""Plain functions of time: training times, time grids of samplers, guidance strengths."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from scoresubnet.guidance import GuidanceSchedule


def uniform_grid(steps: int, t_eps: float) -> Tensor:
    """`steps` equal steps from t = 1 down to t_eps: (steps + 1,) float64 times."""
    return torch.linspace(1.0, t_eps, steps + 1, dtype=torch.float64)


def constant_guidance(gamma: float) -> GuidanceSchedule:
    """gamma(t) = gamma, the paper's choice."""
    return lambda t: torch.full_like(t, gamma)


def uniform_times(count: int, t_eps: float, generator: torch.Generator) -> Tensor:
    """Training times drawn uniformly from [t_eps, 1), the paper's choice: (count,)."""
    return t_eps + (1 - t_eps) * torch.rand(count, generator=generator)


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
    a share of the times stays uniform, so that no time is left out.
    """
    mean = math.log(centre / (1 - centre))
    middle = torch.sigmoid(mean + spread * torch.randn(count, generator=generator))
    uniform = torch.rand(count, generator=generator)
    take_uniform = torch.rand(count, generator=generator) < uniform_share
    return t_eps + (1 - t_eps) * torch.where(take_uniform, uniform, middle)


TIME_DISTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "uniform": uniform_times,
    "logit_normal": logit_normal_times,
}
