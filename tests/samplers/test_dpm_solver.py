"""DPM-Solver++(2M), and its SDE form against the exact law of the reverse SDE of a Gaussian.

Its order on the ODE is measured in `test_probability_flow`.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from scoresubnet.arrays import Array, array_namespace
from scoresubnet.samplers import ddim, dpmpp_2m, dpmpp_2m_sde, no_callback
from scoresubnet.sde import VPSDE, over_batch
from scoresubnet.time_grids import TIME_GRIDS

SDE = VPSDE()
Data = Callable[..., Any]
Moments = Callable[..., tuple[float, float]]


def left_out(times: Array) -> float:
    """Variance of the noise that the last step of the SDE form does not add."""
    h = SDE.log_snr(times[-1]) - SDE.log_snr(times[-2])
    return float(SDE.sigma(times[-1]) ** 2 * -math.expm1(-2 * h))


def test_the_sde_form_has_weak_order_two(gaussian: Data, moments_from: Moments) -> None:
    """From X_t = 1.5 at t = 0.6 to t = 0.05, where the law is known: it is the forward one, turned.

    X_0.05 given X_0.6 is Gaussian, with the covariance of the forward process. The mean is exact
    at any number of steps, since the estimate of X_0 is a martingale of the reverse process.
    """
    data, start = gaussian(), 1.5
    ends = torch.tensor([0.6, 0.05], dtype=torch.float64)
    (m, m_then), (v, v_then) = (pair.tolist() for pair in data.moments(ends))
    covariance = float(SDE.alpha(ends)[0] / SDE.alpha(ends)[1]) * v_then
    mean, variance = m_then + covariance / v * (start - m), v_then - covariance**2 / v
    of_variance = []
    for steps in (80, 160, 320):
        times = torch.linspace(0.6, 0.05, steps + 1, dtype=torch.float64)
        found = moments_from(dpmpp_2m_sde, data.score, times, start)
        assert found[0] == pytest.approx(mean, rel=1e-9)
        of_variance.append(abs(found[1] + left_out(times) - variance))
    for coarse, fine in itertools.pairwise(of_variance):
        assert coarse / fine == pytest.approx(4, rel=0.1)
    assert of_variance[-1] < 1e-4


def test_the_sde_form_has_weak_order_two_under_guidance(
    gaussian: Data, moments_from: Moments
) -> None:
    """A push that no forward process knows of, against the equations of the moments by scipy.

    With score a x + b: mean' = -1/2 beta mean - beta (a mean + b), and
    variance' = -(1 + 2 a) beta variance - beta, backwards in time.
    """
    data = gaussian()

    def score_fn(x: Array, t: Array) -> Array:
        return data.score(x, t) + 1.7 * array_namespace(t).cos(3 * over_batch(t, x))

    def slopes(t: float, moments: list[float]) -> list[float]:
        time = torch.tensor([t], dtype=torch.float64)
        beta, a = float(SDE.beta(time)), -1 / float(data.moments(time)[1])
        score = float(score_fn(torch.tensor([[moments[0]]], dtype=torch.float64), time))
        slope = -0.5 * beta * moments[0] - beta * score
        return [slope, -(1 + 2 * a) * beta * moments[1] - beta]

    exact = solve_ivp(slopes, (0.6, 0.05), [1.5, 0.0], rtol=1e-10, atol=1e-12).y[:, -1]
    of_mean, of_variance = [], []
    for steps in (160, 320):
        times = torch.linspace(0.6, 0.05, steps + 1, dtype=torch.float64)
        mean, variance = moments_from(dpmpp_2m_sde, score_fn, times, 1.5)
        of_mean.append(abs(mean - exact[0]))
        of_variance.append(abs(variance + left_out(times) - exact[1]))
    assert of_mean[0] / of_mean[1] == pytest.approx(4, rel=0.1)
    assert of_variance[0] / of_variance[1] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("mu_s", [(0.6, 0.5), (-1.0, 0.1), (0.0, 2.0)])
def test_the_sde_form_reaches_the_gaussian(
    mu_s: tuple[float, float], gaussian: Data, moments_from: Moments
) -> None:
    data, times = gaussian(*mu_s), TIME_GRIDS["log-snr"](100, SDE)
    mean, variance = (float(m) for m in data.moments(times[-1]))
    found = moments_from(dpmpp_2m_sde, data.score, times, float(data.moments(times[0])[0]))
    assert found[0] == pytest.approx(mean, abs=1e-6)
    assert found[1] + left_out(times) == pytest.approx(variance, rel=5e-3)


def score_of_everything(x: Tensor, t: Tensor) -> Tensor:
    return -2 * x + t[:, None]


def by_hand(times: Tensor, noises: list[float] | None, x: float) -> float:
    """Lu et al. 2022, algorithm 2, and its SDE form, in their own letters."""
    alpha, sigma = SDE.alpha(times).tolist(), SDE.sigma(times).tolist()
    lam = [math.log(a / s) for a, s in zip(alpha, sigma, strict=True)]
    model = []
    for i in range(1, len(times)):
        score = -2 * x + float(times[i - 1])
        model.append((x + sigma[i - 1] ** 2 * score) / alpha[i - 1])
        h, d = lam[i] - lam[i - 1], model[-1]
        if 1 < i < len(times) - 1:
            r = (lam[i - 1] - lam[i - 2]) / h
            d = (1 + 1 / (2 * r)) * model[-1] - 1 / (2 * r) * model[-2]
        if noises is None:
            x = sigma[i] / sigma[i - 1] * x - alpha[i] * (math.exp(-h) - 1) * d
        else:
            x = sigma[i] / sigma[i - 1] * math.exp(-h) * x + alpha[i] * (1 - math.exp(-2 * h)) * d
            if i < len(times) - 1:
                x += sigma[i] * math.sqrt(1 - math.exp(-2 * h)) * noises[i - 1]
    return x


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_both_follow_their_recursion(steps: int) -> None:
    """First order in the first and the last step, second in between, and no noise at the end."""
    times = torch.linspace(0.95, 0.15, steps + 1, dtype=torch.float64) ** 1.3
    start, noises = torch.tensor([[0.3]], dtype=torch.float64), [0.7, -1.1, 0.4, 1.9]
    ode = dpmpp_2m(score_of_everything, start, times, lambda: start * 0, SDE)
    assert float(ode) == pytest.approx(by_hand(times, None, 0.3), rel=1e-12)
    drawn = iter(noises)
    sde = dpmpp_2m_sde(
        score_of_everything, start, times, lambda: torch.full_like(start, next(drawn)), SDE
    )
    assert float(sde) == pytest.approx(by_hand(times, noises, 0.3), rel=1e-12)


@pytest.mark.parametrize("steps", [1, 2])
def test_without_a_step_between_it_is_ddim(steps: int, gaussian: Data) -> None:
    x, times = torch.randn(3, 2, dtype=torch.float64), TIME_GRIDS["quadratic"](steps, SDE)
    found, expected = (
        sampler(gaussian().score, x, times, lambda: x, SDE, no_callback)
        for sampler in (dpmpp_2m, ddim)
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_a_last_step_of_a_third_of_the_log_snr_does_no_harm(gaussian: Data) -> None:
    """The uniform grid ends in such a step, which an extrapolation would blow up."""
    data, times = gaussian(), TIME_GRIDS["uniform"](10, SDE)
    widths = np.diff(SDE.log_snr(times))
    assert widths[-1] > widths.sum() / 3
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    found = dpmpp_2m(data.score, x, times, lambda: x, SDE)
    assert (found - data.flow(x, times[0], times[-1])).abs().max() < 0.25
