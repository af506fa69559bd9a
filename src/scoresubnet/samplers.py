"""Solvers of the reverse process: plain functions of one signature.

sampler(score_fn, x, times, noise, sde, callback) -> x at times[-1]

score_fn   (x (B, 1, F, T), t (B,)) -> score; guidance, if any, is already inside
x          the start, X_1 ~ N(0, I) (B, 1, F, T)
times      decreasing times (steps + 1,), from 1 to t_eps
noise      () -> standard normal, shaped like x; each item draws from its own generator
sde        the forward process
callback   called with (step, x) after each step, for progress and pictures
"""

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


def euler_maruyama(
    score_fn: ScoreFunction,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Tensor:
    """Euler-Maruyama on the reverse SDE (paper, eq. 2); the last step adds no noise.

    dX = [-1/2 beta X - beta score] dt + sqrt(beta) dW, with dt < 0.
    """
    steps = len(times) - 1
    for step in range(steps):
        t, dt = times[step], times[step + 1] - times[step]
        beta = sde.beta(t).item()
        batch_t = torch.full((len(x),), t.item(), dtype=x.dtype, device=x.device)
        drift = -0.5 * beta * x - beta * score_fn(x, batch_t)
        x = x + drift * dt.item()
        if step < steps - 1:
            x = x + (beta * -dt.item()) ** 0.5 * noise()
        callback(step, x)
    return x


SAMPLERS: dict[str, Sampler] = {"euler-maruyama": euler_maruyama}


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
