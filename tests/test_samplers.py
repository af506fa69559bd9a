"""Solvers against a Gaussian N(mu, s^2), whose score is known at every time.

That score is linear in x, so a solver's result is linear in its start and its noises: unit impulses
through the solver itself give the exact mean and variance of its samples, without sampling error.
"""

import itertools
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from scoresubnet.samplers import (
    SAMPLERS,
    Sampler,
    euler_maruyama,
    no_callback,
    seeded_noise,
)
from scoresubnet.schedules import uniform_grid
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE

SDE = VPSDE()


@dataclass
class Gaussian:
    """Data N(mu, s^2): X_t is N(alpha mu, alpha^2 s^2 + sigma^2)."""

    mu: float = 0.6
    s: float = 0.5

    def moments(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of X_t."""
        alpha, sigma = SDE.alpha(t), SDE.sigma(t)
        return alpha * self.mu, alpha**2 * self.s**2 + sigma**2

    def score(self, x: Tensor, t: Tensor) -> Tensor:
        mean, variance = (m.reshape(-1, *[1] * (x.dim() - 1)) for m in self.moments(t))
        return -(x - mean) / variance


def moments_of_samples(sampler: Sampler, data: Gaussian, steps: int) -> tuple[float, float]:
    """Exact mean and variance of what the sampler gives, started from the true marginal at t = 1.

    Item 0 starts at 0, item 1 at 1, both without noise; in item 2 + n, call n of the noise is one.
    """
    calls = 0
    x = torch.zeros(steps + 2, 1, dtype=torch.float64)
    x[1] = 1

    def impulse() -> Tensor:
        nonlocal calls
        z = torch.zeros_like(x)
        z[2 + calls] = 1
        calls += 1
        return z

    y = sampler(data.score, x, uniform_grid(steps, SDE.t_eps), impulse, SDE, no_callback)
    offset, gain = float(y[0]), float(y[1] - y[0])
    noise_power = float((y[2 : 2 + calls] - offset).square().sum())
    mean, variance = (float(m) for m in data.moments(torch.ones((), dtype=torch.float64)))
    return offset + gain * mean, gain**2 * variance + noise_power


def errors(sampler: Sampler, data: Gaussian, steps: int) -> tuple[float, float]:
    """Distance of these moments from those of X at t_eps, where the grid ends."""
    mean, variance = data.moments(torch.tensor(SDE.t_eps, dtype=torch.float64))
    found_mean, found_variance = moments_of_samples(sampler, data, steps)
    return abs(found_mean - float(mean)), abs(found_variance - float(variance))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("data", [Gaussian(), Gaussian(mu=-1.0, s=0.1), Gaussian(mu=0.0, s=2.0)])
def test_samplers_reach_the_gaussian(name: str, data: Gaussian) -> None:
    of_mean, of_variance = errors(SAMPLERS[name], data, 400)
    assert of_mean < 2e-3
    assert of_variance < 1e-2


def test_euler_maruyama_has_weak_order_one() -> None:
    """Half the step, half the error, of the mean and of the variance."""
    found = [errors(euler_maruyama, Gaussian(s=2.0), steps) for steps in (50, 100, 200, 400)]
    for coarse, fine in itertools.pairwise(found):
        assert coarse[0] / fine[0] == pytest.approx(2, abs=0.2)
        assert coarse[1] / fine[1] == pytest.approx(2, abs=0.2)


def test_euler_maruyama_follows_its_recursion() -> None:
    """x <- x + (1/2 beta x + beta score) h + sqrt(beta h) z, and at the end the same without z."""
    times = torch.tensor([1.0, 0.7, 0.2], dtype=torch.float64)
    x, z = torch.tensor([[0.3]], dtype=torch.float64), 1.7
    y = euler_maruyama(lambda x, t: -2 * x, x, times, lambda: torch.full_like(x, z), SDE)
    first = 0.3 + 20.0 * 0.3 * (0.5 * 0.3 - 2 * 0.3) + (20.0 * 0.3) ** 0.5 * z
    beta = 0.1 + 0.7 * 19.9
    expected = first + beta * 0.5 * (0.5 * first - 2 * first)
    assert float(y) == pytest.approx(expected, rel=1e-12)


def test_the_score_is_asked_at_the_start_of_each_step() -> None:
    times = uniform_grid(4, SDE.t_eps)
    asked: list[Tensor] = []

    def score_fn(x: Tensor, t: Tensor) -> Tensor:
        asked.append(t)
        return torch.zeros_like(x)

    x = torch.zeros(3, 1, 2, 2)
    euler_maruyama(score_fn, x, times, lambda: torch.zeros_like(x), SDE)
    assert all(t.shape == (3,) and t.dtype == x.dtype for t in asked)
    torch.testing.assert_close(torch.stack(asked)[:, 0].double(), times[:-1], rtol=1e-6, atol=0)


def test_the_last_step_adds_no_noise() -> None:
    """Noise of ones everywhere: it is drawn steps - 1 times, and never in a single step."""
    for steps in (1, 2, 5):
        calls: list[int] = []

        def noise(calls: list[int] = calls) -> Tensor:
            calls.append(1)
            return torch.ones(2, 1)

        euler_maruyama(lambda x, t: -x, torch.zeros(2, 1), uniform_grid(steps, 1e-3), noise, SDE)
        assert len(calls) == steps - 1


@pytest.mark.parametrize("name", SAMPLERS)
def test_sampling_has_the_moments_of_the_data(name: str) -> None:
    """The same with real noise, from X_1 ~ N(0, 1), through 200 steps: 10,240 samples."""
    noise = seeded_noise([11, 12], (1, 80, 64), "cpu")
    x = SAMPLERS[name](
        Gaussian().score, noise(), uniform_grid(200, SDE.t_eps), noise, SDE, no_callback
    )
    assert float(x.mean()) == pytest.approx(0.6, abs=0.03)
    assert float(x.std()) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("name", SAMPLERS)
def test_callback_sees_every_step_and_the_input_is_kept(name: str) -> None:
    x, seen = torch.ones(2, 1, 3, 2), []
    y = SAMPLERS[name](
        Gaussian().score,
        x,
        uniform_grid(5, SDE.t_eps),
        seeded_noise([0, 1], (1, 3, 2), "cpu"),
        SDE,
        lambda step, x: seen.append((step, x.clone())),
    )
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4]
    assert torch.equal(seen[-1][1], y)
    assert not torch.equal(seen[0][1], y)
    assert torch.equal(x, torch.ones(2, 1, 3, 2))


def sample(seeds: list[int], score_fn: ScoreFunction, sampler: Sampler) -> Tensor:
    noise = seeded_noise(seeds, (1, 4, 3), "cpu")
    return sampler(score_fn, noise(), uniform_grid(6, SDE.t_eps), noise, SDE, no_callback)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sample_depends_on_its_own_seed_alone(name: str) -> None:
    alone = sample([7], Gaussian().score, SAMPLERS[name])[0]
    for seeds in ([7, 3], [3, 7], [1, 2, 7, 4], [7, 7]):
        together = sample(seeds, Gaussian().score, SAMPLERS[name])
        assert torch.equal(together[seeds.index(7)], alone)
    assert not torch.equal(sample([8], Gaussian().score, SAMPLERS[name])[0], alone)


def test_seeded_noise_is_fresh_at_each_call_and_standard_normal() -> None:
    noise = seeded_noise([0, 1], (1, 100, 100), "cpu")
    first, second = noise(), noise()
    both = torch.stack([first, second]).flatten(2).flatten(0, 1)
    correlation = torch.corrcoef(both)
    assert (correlation - torch.eye(4)).abs().max() < 0.05
    assert float(both.mean()) == pytest.approx(0, abs=0.02)
    assert float(both.var()) == pytest.approx(1, rel=0.03)


def test_seeded_noise_leaves_the_global_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    seeded_noise([5], (2,), "cpu")()
    assert torch.equal(torch.rand(3), expected)
