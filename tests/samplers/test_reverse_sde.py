"""Euler-Maruyama and the predictor-corrector, against recursions and Gaussians."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.noise import seeded_noise
from scoresubnet.samplers import euler_maruyama, no_callback, predictor_corrector
from scoresubnet.sde import VPSDE
from scoresubnet.time_grids import uniform_grid

SDE = VPSDE()
Data = Callable[..., Any]
Moments = Callable[..., tuple[float, float]]


def posterior_mean(x: Any, score: Any, t: Tensor, then: Tensor) -> Any:
    """E[X_then | X_t = x, X_0] with Tweedie's X_0: Ho et al. 2020, eq. 7, in its own terms."""
    bar, bar_then = SDE.alpha(t) ** 2, SDE.alpha(then) ** 2
    alpha = bar / bar_then
    x0 = (x + (1 - bar) * score) / bar**0.5
    of_x0 = bar_then**0.5 * (1 - alpha) / (1 - bar)
    return of_x0 * x0 + alpha**0.5 * (1 - bar_then) / (1 - bar) * x


def errors(data: Any, moments_from: Moments, steps: int) -> tuple[float, float]:
    """Of the mean and variance of samples at t_eps, started from the true marginal at t = 1."""
    times = uniform_grid(steps, SDE.t_eps)
    m1, v1 = (float(m) for m in data.moments(times[0]))
    mean, variance = (float(m) for m in data.moments(times[-1]))
    found, added = moments_from(euler_maruyama, data.score, times, m1)
    gain = moments_from(euler_maruyama, data.score, times, m1 + 1)[0] - found
    return abs(found - mean), abs(gain**2 * v1 + added - variance)


@pytest.mark.parametrize("mu_s", [(0.6, 0.5), (-1.0, 0.1), (0.0, 2.0)])
def test_euler_maruyama_reaches_the_gaussian(
    mu_s: tuple[float, float], gaussian: Data, moments_from: Moments
) -> None:
    of_mean, of_variance = errors(gaussian(*mu_s), moments_from, 400)
    assert of_mean < 2e-3
    assert of_variance < 1e-2


def test_euler_maruyama_has_weak_order_one(gaussian: Data, moments_from: Moments) -> None:
    """Half the step, half the error, of the mean and of the variance.

    From 200 steps on: below, the exact last step makes the error smaller than the order says.
    """
    found = [errors(gaussian(s=2.0), moments_from, steps) for steps in (200, 400, 800, 1600)]
    for coarse, fine in itertools.pairwise(found):
        assert coarse[0] / fine[0] == pytest.approx(2, abs=0.1)
        assert coarse[1] / fine[1] == pytest.approx(2, abs=0.1)


def test_euler_maruyama_follows_its_recursion() -> None:
    """x <- x + (1/2 beta x + beta score) h + sqrt(beta h) z; at the end `posterior_mean`."""
    times = torch.tensor([1.0, 0.7, 0.2], dtype=torch.float64)
    x, z = torch.tensor([[0.3]], dtype=torch.float64), 1.7
    y = euler_maruyama(lambda x, t: -2 * x, x, times, lambda: torch.full_like(x, z), SDE)
    first = 0.3 + 20.0 * 0.3 * (0.5 * 0.3 - 2 * 0.3) + (20.0 * 0.3) ** 0.5 * z
    expected = float(posterior_mean(first, -2 * first, times[1], times[2]))
    assert float(y) == pytest.approx(expected, rel=1e-9)


def test_euler_maruyama_gives_the_bits_that_it_always_gave_up_to_its_last_step() -> None:
    """Published samples are known by their seeds: not one rounding may change."""

    def score_fn(x: Tensor, t: Tensor) -> Tensor:
        return torch.sin(3 * x) - x / (t[:, None, None, None] + 0.1)

    noise = seeded_noise([3, 4], (1, 8, 6), torch.empty(0))
    times = uniform_grid(23, SDE.t_eps)
    found: list[Tensor] = []
    euler_maruyama(score_fn, noise(), times, noise, SDE, lambda step, x: found.append(x))

    noise = seeded_noise([3, 4], (1, 8, 6), torch.empty(0))
    x, steps = noise(), len(times) - 1
    for step in range(steps - 1):
        t, dt = times[step], times[step + 1] - times[step]
        beta = SDE.beta(t).item()
        batch_t = torch.full((len(x),), t.item(), dtype=x.dtype, device=x.device)
        drift = -0.5 * beta * x - beta * score_fn(x, batch_t)
        x = x + drift * dt.item() + (beta * -dt.item()) ** 0.5 * noise()
        assert torch.equal(found[step], x)
    score = score_fn(x, torch.full((len(x),), times[-2]))
    expected = posterior_mean(x, score, times[-2], times[-1])
    torch.testing.assert_close(found[-1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ratio", [0.16, 0.5])
def test_predictor_corrector_has_the_moments_of_its_recursion(ratio: float, gaussian: Data) -> None:
    """In many dimensions |z|^2 and |s|^2 are their means, so the moments follow on paper.

    Predictor: as Euler-Maruyama, with `posterior_mean` last. Corrector, at the new time, with
    score -(x - m) / v: the mean goes to mean - eps (mean - m) / v, the variance to
    (1 - eps / v)^2 variance + 2 eps.
    """
    data, steps = gaussian(mu=1.5, s=0.3), 8
    times = uniform_grid(steps, SDE.t_eps)
    mean, variance = 0.0, 1.0
    for step, (t, then) in enumerate(itertools.pairwise(times)):
        (m, v), beta, h = map(float, data.moments(t)), float(SDE.beta(t)), float(t - then)
        if step == steps - 1:  # linear in x, so two values of x say all
            at_0, at_1 = (float(posterior_mean(x, (m - x) / v, t, then)) for x in (0.0, 1.0))
            mean, variance = at_0 + (at_1 - at_0) * mean, (at_1 - at_0) ** 2 * variance
        else:
            gain = 1 + beta * h * (0.5 - 1 / v)
            mean, variance = gain * mean + beta * h * m / v, gain**2 * variance + beta * h
            m, v = map(float, data.moments(then))
            eps = 2 * ratio**2 * v**2 / (variance + (mean - m) ** 2)
            mean, variance = mean - eps * (mean - m) / v, (1 - eps / v) ** 2 * variance + 2 * eps
    noise = seeded_noise([1, 2], (1, 300, 300), torch.empty(0))
    x = predictor_corrector(data.score, noise(), times, noise, SDE, no_callback, ratio)
    assert float(x.mean()) == pytest.approx(mean, abs=0.01)
    assert float(x.var()) == pytest.approx(variance, rel=0.02)


def test_the_corrector_alone_repairs_a_wrong_start_up_to_r_squared(gaussian: Data) -> None:
    """It needs no predictor to find the data, and keeps the documented bias: v (1 + r^2)."""
    data = gaussian(mu=0.3, s=0.5)
    times = torch.linspace(0.5, 0.5 - 1e-9, 40, dtype=torch.float64)  # the predictor stands still
    noise = seeded_noise([1], (1, 300, 300), torch.empty(0))
    x = noise()
    seen: list[Tensor] = []
    predictor_corrector(data.score, x, times, noise, SDE, lambda step, x: seen.append(x), ratio=0.6)
    mean, variance = data.moments(times[-1])
    assert float(seen[-2].mean()) == pytest.approx(float(mean), abs=0.01)
    assert float(seen[-2].var()) == pytest.approx(float(variance) * 1.36, rel=0.02)
