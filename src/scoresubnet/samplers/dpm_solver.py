"""DPM-Solver++(2M) and its SDE form (Lu et al. 2022, "DPM-Solver++", arXiv 2211.01095).

The linear part of the equation is solved exactly; the estimate of X_0 is extrapolated from this
step and the one before. The first step has nothing before it, and the last one, into which the
uniform grid of ten steps puts a third of the whole log-SNR, does not extrapolate either: both are
of first order, which leaves the whole its second.
"""

from __future__ import annotations

import math

from scoresubnet.arrays import Array
from scoresubnet.samplers.common import Callback, Noise, denoised, exact_mean, no_callback
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE


def dpmpp_2m(
    score_fn: ScoreFunction,
    x: Array,
    times: Array,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Array:
    """DPM-Solver++(2M) on the probability-flow ODE (Lu et al. 2022, algorithm 2). Order 2."""
    return _multistep(score_fn, x, times, None, sde, callback)


def dpmpp_2m_sde(
    score_fn: ScoreFunction,
    x: Array,
    times: Array,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Array:
    """SDE-DPM-Solver++(2M) on the reverse SDE (Lu et al. 2022); the last step adds no noise.

    Weak order 2 on Gaussian data, but for the noise that the last step leaves out.
    """
    return _multistep(score_fn, x, times, noise, sde, callback)


def _multistep(
    score_fn: ScoreFunction,
    x: Array,
    times: Array,
    noise: Noise | None,
    sde: VPSDE,
    callback: Callback,
) -> Array:
    """x <- `exact_mean` of the extrapolated X_0, plus sigma' sqrt(1 - e^(-2 eta h)) z.

    eta is 0 for the ODE, which has no noise, and 1 for the SDE.
    """
    steps = len(times) - 1
    eta = 0 if noise is None else 1
    log_snr = sde.log_snr(times)
    widths = (log_snr[1:] - log_snr[:-1]).tolist()
    before = x
    for step in range(steps):
        t, then, h = times[step], times[step + 1], widths[step]
        last = step == steps - 1
        x0 = denoised(score_fn, x, t, sde)
        d = x0
        if step and not last:
            d = x0 + h / (2 * widths[step - 1]) * (x0 - before)
        x = exact_mean(x, d, t, then, sde, eta)
        if noise is not None and not last:
            x = x + float(sde.sigma(then)) * math.sqrt(-math.expm1(-2 * h)) * noise()
        before = x0
        callback(step, x)
    return x
