"""Common to solvers: a callback, noise between two, an exact step."""

from __future__ import annotations

import math
from collections.abc import Callable

from scoresubnet.arrays import Array, full_like_items
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE

Noise = Callable[[], Array]
Callback = Callable[[int, Array], None]
Sampler = Callable[[ScoreFunction, Array, Array, Noise, VPSDE, Callback], Array]


def no_callback(step: int, x: Array) -> None:
    """Do nothing: the callback of those who need none."""


def denoised(score_fn: ScoreFunction, x: Array, t: float, sde: VPSDE) -> Array:
    """Tweedie's estimate of X_0, (x + sigma^2 score) / alpha, same shape as x, at time t."""
    score = score_fn(x, full_like_items(t, x))
    return (x + float(sde.sigma(t) ** 2) * score) / float(sde.alpha(t))


def exact_mean(x: Array, x0: Array, t: float, then: float, sde: VPSDE, eta: int) -> Array:
    """The step from t to `then`, without noise, that is exact while X_0 stays as estimated.

    (sigma'/sigma) e^(-eta h) x + alpha' (1 - e^(-(1 + eta) h)) X_0, with h the step in
    log(alpha/sigma) (Lu et al. 2022, "DPM-Solver++", arXiv 2211.01095).

    Args:
        x: the sample at t (B, ...).
        x0: the estimate of X_0, same shape.
        eta: 0 for the probability-flow ODE (DDIM); 1 for the reverse SDE, where this is the mean
            of X_then given X_t and X_0 (Ho et al. 2020, eq. 7).
    """
    h = float(sde.log_snr(then) - sde.log_snr(t))
    shrink = float(sde.sigma(then) / sde.sigma(t)) * math.exp(-eta * h)
    return shrink * x - float(sde.alpha(then)) * math.expm1(-(1 + eta) * h) * x0


def between(first: Noise, second: Noise, share: float) -> Noise:
    """Noise on the way from one to another, as normal as both: cos(a) first + sin(a) second.

    Args:
        first: gives (B, ...).
        second: independent of the first, likewise.
        share: of the way, 0 to 1; a is that share of a right angle.
    """
    near, far = math.cos(share * math.pi / 2), math.sin(share * math.pi / 2)
    return lambda: near * first() + far * second()
