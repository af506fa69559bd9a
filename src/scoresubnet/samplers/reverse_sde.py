"""Solvers of the reverse SDE by small steps in t: Euler-Maruyama, alone or with a corrector."""

from __future__ import annotations

import torch
from torch import Tensor

from scoresubnet.samplers.common import Callback, Noise, for_each_item, no_callback
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE, norm_of_each


def euler_maruyama(
    score_fn: ScoreFunction,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Tensor:
    """Euler-Maruyama on the reverse SDE (paper, eq. 2); the last step adds no noise.

    dX = [-1/2 beta X - beta score] dt + sqrt(beta) dW, with dt < 0. Weak order 1.
    """
    steps = len(times) - 1
    for step in range(steps):
        last = step == steps - 1
        x = _reverse_step(score_fn, x, times[step], times[step + 1], None if last else noise, sde)
        callback(step, x)
    return x


def predictor_corrector(
    score_fn: ScoreFunction,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
    ratio: float = 0.16,
) -> Tensor:
    """Euler-Maruyama, each step corrected by Langevin dynamics at its new time.

    Song et al. 2021, algorithm 1, with the corrector of algorithm 5. The last step has neither
    noise nor corrector, since nothing would take the corrector's noise away again.

    Args:
        ratio: r, the signal-to-noise ratio of the corrector, 0.16 in the code of Song et al. It
            widens the variance however many steps are made: of Gaussian data by up to r^2 of it.
    """
    steps = len(times) - 1
    for step in range(steps):
        last = step == steps - 1
        x = _reverse_step(score_fn, x, times[step], times[step + 1], None if last else noise, sde)
        if not last:
            x = _langevin(score_fn, x, times[step + 1], noise(), ratio)
        callback(step, x)
    return x


def _reverse_step(
    score_fn: ScoreFunction, x: Tensor, t: Tensor, then: Tensor, noise: Noise | None, sde: VPSDE
) -> Tensor:
    """One Euler-Maruyama step from t () to `then` (), without noise if there is none."""
    dt = (then - t).item()
    beta = sde.beta(t).item()
    drift = -0.5 * beta * x - beta * score_fn(x, for_each_item(t, x))
    x = x + drift * dt
    if noise is not None:
        x = x + (beta * -dt) ** 0.5 * noise()
    return x


def _langevin(score_fn: ScoreFunction, x: Tensor, t: Tensor, z: Tensor, ratio: float) -> Tensor:
    """x + eps s + sqrt(2 eps) z with eps = 2 (r |z| / |s|)^2, at time t ().

    Song et al. 2021, algorithm 5, without its factor alpha_i, which tends to 1 as steps grow
    many. Their norms are means over the batch; here each item has its own, so that no sample
    depends on its neighbours.
    """
    score = score_fn(x, for_each_item(t, x))
    eps = 2 * (ratio * norm_of_each(z) / norm_of_each(score)) ** 2
    return x + eps * score + torch.sqrt(2 * eps) * z
