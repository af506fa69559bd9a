"""Solvers of the probability-flow ODE: no noise after the start, so one start, one sample.

dX/dt = -1/2 beta X - 1/2 beta score (Song et al. 2021, eq. 13) is solved in other variables, in
which it bends less: with eps = -sigma score, d(X / alpha) = eps d(sigma / alpha) (Song, Meng &
Ermon 2021, eq. 14; Karras et al. 2022, section 3). Where eps is constant, any step is exact.
"""

from __future__ import annotations

import itertools
import math

from scoresubnet.arrays import Array, full_like_items
from scoresubnet.samplers.common import Callback, Noise, no_callback
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE


def ddim(
    score_fn: ScoreFunction,
    x: Array,
    times: Array,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Array:
    """Euler's method in these variables: exactly DDIM with eta = 0, and DPM-Solver-1. Order 1.

    x <- alpha' X_0 + sigma' eps, with the X_0 and eps of the step's start (Song, Meng & Ermon
    2021, eq. 12). It is not Euler's method in t.
    """
    for step, (t, then) in enumerate(itertools.pairwise(times)):
        x = _follow(x, _epsilon(score_fn, x, t, sde), t, then, sde)
        callback(step, x)
    return x


def heun(
    score_fn: ScoreFunction,
    x: Array,
    times: Array,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Array:
    """Heun's method in these variables: the mean of eps at both ends of each step. Order 2.

    Karras et al. 2022, algorithm 1, for X / alpha against sigma / alpha. The score is asked twice
    in every step, the last one too: its end t_eps has noise left, so no division by zero.
    """
    for step, (t, then) in enumerate(itertools.pairwise(times)):
        at_start = _epsilon(score_fn, x, t, sde)
        at_end = _epsilon(score_fn, _follow(x, at_start, t, then, sde), then, sde)
        x = _follow(x, (at_start + at_end) / 2, t, then, sde)
        callback(step, x)
    return x


def _epsilon(score_fn: ScoreFunction, x: Array, t: float, sde: VPSDE) -> Array:
    """eps = -sigma score, same shape as x, at time t."""
    return -float(sde.sigma(t)) * score_fn(x, full_like_items(t, x))


def _follow(x: Array, epsilon: Array, t: float, then: float, sde: VPSDE) -> Array:
    """Move X / alpha by eps times the change of sigma / alpha, from t to `then`."""
    shrink = math.exp(sde.log_alpha(then) - sde.log_alpha(t))
    return shrink * x + float(sde.sigma(then) - shrink * sde.sigma(t)) * epsilon
