"""Common to solvers: one generator per sample, a callback, a time per item, an exact step."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE, over_batch

Noise = Callable[[], Tensor]
Callback = Callable[[int, Tensor], None]
Sampler = Callable[[ScoreFunction, Tensor, Tensor, Noise, VPSDE, Callback], Tensor]


def no_callback(step: int, x: Tensor) -> None:
    """Do nothing: the callback of those who need none."""


def for_each_item(t: Tensor, x: Tensor) -> Tensor:
    """The time t () for every item of x (B, ...): (B,), in the type and place of x."""
    return torch.full((len(x),), t.item(), dtype=x.dtype, device=x.device)


def denoised(score_fn: ScoreFunction, x: Tensor, t: Tensor, sde: VPSDE) -> Tensor:
    """Tweedie's estimate of X_0, (x + sigma^2 score) / alpha, same shape as x, at time t ()."""
    t = for_each_item(t, x)
    score = score_fn(x, t)
    return (x + over_batch(sde.sigma(t) ** 2, x) * score) / over_batch(sde.alpha(t), x)


def exact_mean(x: Tensor, x0: Tensor, t: Tensor, then: Tensor, sde: VPSDE, eta: int) -> Tensor:
    """The step from t () to `then` (), without noise, that is exact while X_0 stays as estimated.

    (sigma'/sigma) e^(-eta h) x + alpha' (1 - e^(-(1 + eta) h)) X_0, with h the step in
    log(alpha/sigma) (Lu et al. 2022, "DPM-Solver++", arXiv 2211.01095).

    Args:
        x: the sample at t (B, ...).
        x0: the estimate of X_0, same shape.
        eta: 0 for the probability-flow ODE (DDIM); 1 for the reverse SDE, where this is the mean
            of X_then given X_t and X_0 (Ho et al. 2020, eq. 7).
    """
    h = (sde.log_snr(then) - sde.log_snr(t)).item()
    shrink = (sde.sigma(then) / sde.sigma(t)).item() * math.exp(-eta * h)
    return shrink * x - sde.alpha(then).item() * math.expm1(-(1 + eta) * h) * x0


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


def between(first: Noise, second: Noise, share: float) -> Noise:
    """Noise on the way from one to another, as normal as both: cos(a) first + sin(a) second.

    Args:
        first: gives (B, ...).
        second: independent of the first, likewise.
        share: of the way, 0 to 1; a is that share of a right angle.
    """
    near, far = math.cos(share * math.pi / 2), math.sin(share * math.pi / 2)
    return lambda: near * first() + far * second()
