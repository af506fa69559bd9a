"""Data whose score is known at every time, and the exact moments of what a solver makes of it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from scoresubnet.arrays import Array
from scoresubnet.samplers import Sampler, no_callback
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE, over_batch

SDE = VPSDE()


@dataclass
class Gaussian:
    """Data N(mu, s^2): X_t is N(alpha mu, alpha^2 s^2 + sigma^2)."""

    mu: float = 0.6
    s: float = 0.5

    def moments(self, t: Array) -> tuple[Array, Array]:
        """Mean and variance of X_t, at times of any shape."""
        alpha, sigma = SDE.alpha(t), SDE.sigma(t)
        return alpha * self.mu, alpha**2 * self.s**2 + sigma**2

    def score(self, x: Array, t: Array) -> Array:
        mean, variance = (over_batch(m, x) for m in self.moments(t))
        return -(x - mean) / variance

    def flow(self, x: Array, t: float, then: float) -> Array:
        """Where the probability-flow ODE carries x from t to `then`: in closed form.

        It keeps the number of standard deviations from the mean.
        """
        (m, v), (m_then, v_then) = self.moments(t), self.moments(then)
        return m_then + (v_then / v) ** 0.5 * (x - m)


@pytest.fixture(params=["torch", "numpy"])
def on(request: pytest.FixtureRequest) -> Callable[[Tensor], Array]:
    """on(tensor) -> an array of the library that a test runs on; `torch.as_tensor` leads back."""
    return Tensor.numpy if request.param == "numpy" else Tensor.clone


@pytest.fixture(scope="session")
def gaussian() -> type[Gaussian]:
    """Gaussian(mu, s): data with score(x, t), moments(t) and flow(x, t, then)."""
    return Gaussian


@pytest.fixture
def moments_from(on: Callable[[Tensor], Array]) -> Callable[..., tuple[float, float]]:
    """moments_from(sampler, score_fn, times, start) -> mean and variance of the samples.

    For a score that is linear in x the sample is linear in its start and its noises, so that unit
    impulses through the solver itself give the exact moments, without sampling error. Item 0 has
    no noise; in item n, call n of the noise is one. At most one call a step.
    """

    def moments_from(
        sampler: Sampler, score_fn: ScoreFunction, times: Array, start: float
    ) -> tuple[float, float]:
        steps, calls = len(times) - 1, 0
        x = torch.full((steps + 1, 1), start, dtype=torch.float64)

        def impulse() -> Array:
            nonlocal calls
            calls += 1
            z = torch.zeros_like(x)
            z[calls] = 1
            return on(z)

        y = torch.as_tensor(sampler(score_fn, on(x), times, impulse, SDE, no_callback))
        return float(y[0]), float((y[1 : 1 + calls] - y[0]).square().sum())

    return moments_from
