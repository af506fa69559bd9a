"""DPM-Solver++(2M) and its SDE form (Lu et al. 2022, "DPM-Solver++", arXiv 2211.01095).

The linear part of the equation is solved exactly; the estimate of X_0 is extrapolated from this
step and the one before. The first step has nothing before it, and the last one, into which the
uniform grid of ten steps puts a third of the whole log-SNR, does not extrapolate either: both are
of first order, which leaves the whole its second.
"""

from __future__ import annotations

import math

from torch import Tensor

from scoresubnet.samplers.common import Callback, Noise, for_each_item, no_callback
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE, over_batch


def dpmpp_2m(
    score_fn: ScoreFunction,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Tensor:
    """DPM-Solver++(2M) on the probability-flow ODE (Lu et al. 2022, algorithm 2). Order 2."""
    return _multistep(score_fn, x, times, None, sde, callback)


def dpmpp_2m_sde(
    score_fn: ScoreFunction,
    x: Tensor,
    times: Tensor,
    noise: Noise,
    sde: VPSDE,
    callback: Callback = no_callback,
) -> Tensor:
    """SDE-DPM-Solver++(2M) on the reverse SDE (Lu et al. 2022); the last step adds no noise.

    Weak order 2 on Gaussian data, but for the noise that the last step leaves out.
    """
    return _multistep(score_fn, x, times, noise, sde, callback)


def _multistep(
    score_fn: ScoreFunction,
    x: Tensor,
    times: Tensor,
    noise: Noise | None,
    sde: VPSDE,
    callback: Callback,
) -> Tensor:
    """x <- (sigma'/sigma) e^(-eta h) x + alpha' (1 - e^(-(1 + eta) h)) D + sigma' n z.

    h is the step in log(alpha/sigma), D the extrapolated X_0 and n^2 = 1 - e^(-2 eta h); eta is 0
    for the ODE, which has no noise, and 1 for the SDE.
    """
    steps = len(times) - 1
    eta = 0 if noise is None else 1
    alphas, sigmas = sde.alpha(times).tolist(), sde.sigma(times).tolist()
    widths = sde.log_snr(times).diff().tolist()
    before = x
    for step in range(steps):
        h, alpha, sigma = widths[step], alphas[step + 1], sigmas[step + 1]
        last = step == steps - 1
        x0 = _denoised(score_fn, x, times[step], sde)
        d = x0
        if 0 < step < steps - 1:
            d = x0 + h / (2 * widths[step - 1]) * (x0 - before)
        x = sigma / sigmas[step] * math.exp(-eta * h) * x - alpha * math.expm1(-(1 + eta) * h) * d
        if noise is not None and not last:
            x = x + sigma * math.sqrt(-math.expm1(-2 * h)) * noise()
        before = x0
        callback(step, x)
    return x


def _denoised(score_fn: ScoreFunction, x: Tensor, t: Tensor, sde: VPSDE) -> Tensor:
    """Tweedie's estimate of X_0, (x + sigma^2 score) / alpha, same shape as x, at time t ()."""
    t = for_each_item(t, x)
    score = score_fn(x, t)
    return (x + over_batch(sde.sigma(t) ** 2, x) * score) / over_batch(sde.alpha(t), x)
