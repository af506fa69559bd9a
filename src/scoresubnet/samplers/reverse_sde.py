"""Solvers of the reverse SDE by small steps in t: Euler-Maruyama, alone or with a corrector.

The last step is an exact one and adds no noise. Euler's would overshoot: on a uniform grid sigma
changes several-fold in it, and on data at one point 100 steps of Euler's would leave a standard
deviation of 0.029, 20 steps 0.26. The exact step leaves less than sigma(t_eps), 0.0105.
"""

from __future__ import annotations

import itertools

from scoresubnet.arrays import Array, array_namespace, full_like_items
from scoresubnet.samplers.common import (
    Callback,
    Noise,
    denoised,
    exact_mean,
    no_callback,
)
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE, norm_of_each


def euler_maruyama(
    score_fn: ScoreFunction,
    x: Array,
    times: Array,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Array:
    """Euler-Maruyama on the reverse SDE (paper, eq. 2), with an exact last step without noise.

    dX = [-1/2 beta X - beta score] dt + sqrt(beta) dW, with dt < 0. Weak order 1. The paper does
    not say how its last step goes; see the head of this file.
    """
    last = len(times) - 2
    for step, (t, then) in enumerate(itertools.pairwise(times)):
        x = _reverse_step(score_fn, x, t, then, None if step == last else noise, sde)
        callback(step, x)
    return x


def predictor_corrector(
    score_fn: ScoreFunction,
    x: Array,
    times: Array,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
    ratio: float = 0.16,
) -> Array:
    """Euler-Maruyama, each step corrected by Langevin dynamics at its new time.

    Song et al. 2021, algorithm 1, with the corrector of algorithm 5. The last step is exact and has
    neither noise nor corrector, since nothing would take the corrector's noise away again.

    Args:
        ratio: r, the signal-to-noise ratio of the corrector, 0.16 in the code of Song et al. It
            widens the variance however many steps are made: of Gaussian data by up to r^2 of it.
    """
    last = len(times) - 2
    for step, (t, then) in enumerate(itertools.pairwise(times)):
        x = _reverse_step(score_fn, x, t, then, None if step == last else noise, sde)
        if step != last:
            x = _langevin(score_fn, x, then, noise(), ratio)
        callback(step, x)
    return x


def _reverse_step(
    score_fn: ScoreFunction, x: Array, t: float, then: float, noise: Noise | None, sde: VPSDE
) -> Array:
    """One Euler-Maruyama step from t to `then`; without noise the exact one."""
    if noise is None:
        return exact_mean(x, denoised(score_fn, x, t, sde), t, then, sde, eta=1)
    dt = float(then - t)
    beta = float(sde.beta(t))
    drift = -0.5 * beta * x - beta * score_fn(x, full_like_items(t, x))
    return x + drift * dt + (beta * -dt) ** 0.5 * noise()


def _langevin(score_fn: ScoreFunction, x: Array, t: float, z: Array, ratio: float) -> Array:
    """x + eps s + sqrt(2 eps) z with eps = 2 (r |z| / |s|)^2, at time t.

    Song et al. 2021, algorithm 5, without its factor alpha_i, which tends to 1 as steps grow
    many. Their norms are means over the batch; here each item has its own, so that no sample
    depends on its neighbours.
    """
    score = score_fn(x, full_like_items(t, x))
    eps = 2 * (ratio * norm_of_each(z) / norm_of_each(score)) ** 2
    return x + eps * score + array_namespace(eps).sqrt(2 * eps) * z
