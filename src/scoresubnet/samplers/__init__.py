"""Solvers of the reverse process: plain functions of one signature.

    sampler(score_fn, x, times, noise, sde, callback) -> x at times[-1]

    score_fn   (x (B, 1, F, T), t (B,)) -> score; guidance, if any, is already inside
    x          the start, X_1 ~ N(0, I) (B, 1, F, T)
    times      decreasing times (steps + 1,), float64, from 1 to t_eps: see `time_grids.TIME_GRIDS`
    noise      () -> standard normal, shaped like x; each item draws from its own generator
    sde        the forward process
    callback   called with (step, x) after each step, for progress and pictures

All end at t_eps, and none makes a last denoising step to t = 0: at the default t_eps the noise
that is left has a standard deviation of sigma(t_eps) = 0.0105 at most (with 20 steps or more), half
a percent of the range of the scaled log-Mels. Solvers that add noise add none in their last step.

What counts for the time that they take is how often they ask for the score: see `evaluations`.
"""

from __future__ import annotations

from collections.abc import Callable

from scoresubnet.options.registries import find
from scoresubnet.samplers.common import (
    Callback,
    Noise,
    Sampler,
    between,
    no_callback,
)
from scoresubnet.samplers.dpm_solver import dpmpp_2m, dpmpp_2m_sde
from scoresubnet.samplers.probability_flow import ddim, heun
from scoresubnet.samplers.reverse_sde import euler_maruyama, predictor_corrector

__all__ = [
    "EVALUATIONS",
    "SAMPLERS",
    "Callback",
    "Noise",
    "Sampler",
    "between",
    "ddim",
    "dpmpp_2m",
    "dpmpp_2m_sde",
    "euler_maruyama",
    "evaluations",
    "heun",
    "no_callback",
    "predictor_corrector",
]

SAMPLERS: dict[str, Sampler] = {
    "euler-maruyama": euler_maruyama,
    "predictor-corrector": predictor_corrector,
    "ddim": ddim,
    "heun": heun,
    "dpmpp-2m": dpmpp_2m,
    "dpmpp-2m-sde": dpmpp_2m_sde,
}

EVALUATIONS: dict[str, Callable[[int], int]] = {
    "euler-maruyama": lambda steps: steps,
    "predictor-corrector": lambda steps: 2 * steps - 1,
    "ddim": lambda steps: steps,
    "heun": lambda steps: 2 * steps,
    "dpmpp-2m": lambda steps: steps,
    "dpmpp-2m-sde": lambda steps: steps,
}
"""name -> how often the score is asked for in so many steps."""


def evaluations(sampler: str, steps: int) -> int:
    """Count how often a sampler asks for the score in `steps` steps: its time is made of that.

    Args:
        sampler: a key of `SAMPLERS`.
        steps: reverse steps, at least 1.

    Raises:
        ValueError: there is no such sampler.
    """
    return find("sampler", sampler, EVALUATIONS)(steps)
