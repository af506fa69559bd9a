"""DDIM and Heun against the closed form of the probability-flow ODE of a Gaussian."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scoresubnet.arrays import Array
from scoresubnet.samplers import SAMPLERS, Sampler, ddim, dpmpp_2m, heun, no_callback
from scoresubnet.sde import VPSDE
from scoresubnet.time_grids import TIME_GRIDS

SDE = VPSDE()
Data = Callable[..., Any]
On = Callable[[Tensor], Array]
ODE = {"ddim": 1, "heun": 2, "dpmpp-2m": 2}  # name -> order


def no_noise() -> Tensor:
    raise AssertionError("a solver of the ODE asked for noise")


def error(sampler: Sampler, data: Any, times: Array, on: On) -> float:
    """Largest distance from the closed form, of five starts."""
    x = on(torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None])
    y = sampler(data.score, x, times, no_noise, SDE, no_callback)
    return float(abs(y - data.flow(x, times[0], times[-1])).max())


@pytest.mark.parametrize("name", ODE)
@pytest.mark.parametrize("mu_s", [(0.6, 0.5), (-1.0, 0.1), (0.0, 2.0)])
def test_order_of_convergence(name: str, mu_s: tuple[float, float], gaussian: Data, on: On) -> None:
    """Half the steps, twice the error at order 1, four times at order 2."""
    found = [
        error(SAMPLERS[name], gaussian(*mu_s), TIME_GRIDS["quadratic"](steps, SDE), on)
        for steps in (160, 320, 640)
    ]
    for coarse, fine in itertools.pairwise(found):
        assert coarse / fine == pytest.approx(2 ** ODE[name], rel=0.1)


@pytest.mark.parametrize("grid", TIME_GRIDS)
def test_orders_hold_on_every_grid(grid: str, gaussian: Data, on: On) -> None:
    """Heun at 40 steps is closer than DDIM, for the same number of evaluations, at 80."""
    times = TIME_GRIDS[grid]
    first_order = error(ddim, gaussian(), times(80, SDE), on)
    assert error(heun, gaussian(), times(40, SDE), on) < first_order / 3
    assert error(dpmpp_2m, gaussian(), times(80, SDE), on) < first_order / 3


@pytest.mark.parametrize("name", ODE)
def test_a_point_is_reached_in_one_step(name: str, on: On) -> None:
    """All mass at one point: eps is constant along the flow and X_0 is known, any step is exact."""

    def score_fn(x: Array, t: Array) -> Array:
        return -(x - SDE.alpha(t)[:, None] * 0.7) / SDE.sigma(t)[:, None] ** 2

    x = torch.tensor([[1.3], [-0.4]], dtype=torch.float64)
    ends = torch.tensor([1.0, 0.1], dtype=torch.float64)
    alpha, sigma = SDE.alpha(ends), SDE.sigma(ends)
    expected = alpha[1] * 0.7 + sigma[1] * (x - alpha[0] * 0.7) / sigma[0]
    for times in (ends, torch.linspace(1.0, 0.1, 5, dtype=torch.float64)):
        found = SAMPLERS[name](score_fn, on(x), times.numpy(), no_noise, SDE, no_callback)
        torch.testing.assert_close(torch.as_tensor(found), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ODE)
def test_there_and_back_again(name: str, gaussian: Data, on: On) -> None:
    """The ODE runs both ways: up from t_eps and down again gives the start."""
    x = torch.tensor([[1.3], [-0.4]], dtype=torch.float64)
    down = TIME_GRIDS["log-snr"](2000, SDE)
    noise = SAMPLERS[name](gaussian().score, on(x), down[::-1], no_noise, SDE, no_callback)
    again = SAMPLERS[name](gaussian().score, noise, down, no_noise, SDE, no_callback)
    torch.testing.assert_close(torch.as_tensor(again), x, rtol=3e-3, atol=3e-3)


def test_ddim_follows_its_recursion(on: On) -> None:
    """x <- alpha' X_0 + sigma' eps with eps = -sigma score and X_0 = (x - sigma eps) / alpha."""
    times = np.array([0.9, 0.5, 0.2])
    alpha, sigma = SDE.alpha(times).tolist(), SDE.sigma(times).tolist()
    x = 0.3
    for k in range(2):
        eps = -sigma[k] * (-2 * x + float(times[k]))
        x = alpha[k + 1] * (x - sigma[k] * eps) / alpha[k] + sigma[k + 1] * eps
    start = on(torch.tensor([[0.3]], dtype=torch.float64))
    found = ddim(lambda x, t: -2 * x + t[:, None], start, times, no_noise, SDE)
    assert float(found[0, 0]) == pytest.approx(x, rel=1e-12)


def test_heun_follows_its_recursion(on: On) -> None:
    """The trapezium rule for u = x / alpha in r = sigma / alpha, with eps for slope."""
    times = np.array([0.9, 0.5, 0.2])
    alpha, sigma = SDE.alpha(times).tolist(), SDE.sigma(times).tolist()
    u = 0.3 / alpha[0]

    def slope(u: float, k: int) -> float:
        return -sigma[k] * (-2 * alpha[k] * u + float(times[k]))

    for k in range(2):
        step = sigma[k + 1] / alpha[k + 1] - sigma[k] / alpha[k]
        first = slope(u, k)
        u += step * (first + slope(u + step * first, k + 1)) / 2
    start = on(torch.tensor([[0.3]], dtype=torch.float64))
    found = heun(lambda x, t: -2 * x + t[:, None], start, times, no_noise, SDE)
    assert float(found[0, 0]) == pytest.approx(u * alpha[2], rel=1e-12)
