"""The mathematics of one time, score and guidance is the same on torch and on numpy."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet.arrays import Array, full_like_items
from scoresubnet.guidance import Guide, clamped, guided, renormalised
from scoresubnet.schedules import GUIDANCE_SCHEDULES, read_guidance_schedule
from scoresubnet.score import PARAMETRISATIONS, score_from_output
from scoresubnet.sde import VPSDE, norm_of_each, over_batch

SDE = VPSDE()
TIMES = torch.tensor([1e-3, 0.05, 0.31, 0.7, 0.8, 1.0], dtype=torch.float64)
X, OTHER = torch.randn(2, 6, 1, 4, 5, generator=torch.Generator().manual_seed(0)).double()


def _agree(function: Callable[..., Array], *given: torch.Tensor) -> None:
    """To rounding; and each library gives what is its own."""
    on_torch, on_numpy = function(*given), function(*(each.numpy() for each in given))
    assert isinstance(on_torch, torch.Tensor)
    assert isinstance(on_numpy, np.ndarray)
    assert on_numpy.dtype == np.float64
    np.testing.assert_allclose(on_numpy, on_torch.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["beta", "log_alpha", "alpha", "sigma", "log_snr"])
def test_the_noise_process(name: str) -> None:
    _agree(getattr(SDE, name), TIMES)


def test_the_way_back_from_log_snr_and_to_noise() -> None:
    _agree(SDE.time_of_log_snr, torch.linspace(-6, 5, 7, dtype=torch.float64))
    _agree(SDE.perturb, X, OTHER, TIMES)


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_targets_and_scores(name: str) -> None:
    target, _ = PARAMETRISATIONS[name]
    _agree(lambda x0, noise, t: target(x0, noise, t, SDE), X, OTHER, TIMES)
    _agree(lambda out, x, t: score_from_output(out, x, t, SDE, name), X, OTHER, TIMES)


@pytest.mark.parametrize("name", GUIDANCE_SCHEDULES)
def test_guidance_strengths(name: str) -> None:
    gamma = read_guidance_schedule(name)(3.0)
    _agree(gamma, TIMES)
    _agree(gamma, TIMES, torch.linspace(0, 1, 6, dtype=torch.float64))


@pytest.mark.parametrize(
    "settings", [{}, {"clamp": 0.4}, {"renormalise": True}, {"clamp": 0.4, "renormalise": True}]
)
def test_guided_scores(settings: dict[str, Any]) -> None:
    def both(x: Array, t: Array) -> Guide:
        return Guide(-x, 3 * x**2, over_batch(t, x).reshape(-1))

    for schedule in ("interval:low=0.1,high=0.7", "adaptive:power=2"):
        gamma = read_guidance_schedule(schedule)(3.0)
        _agree(guided(both, gamma, **settings), X, TIMES)
    none = read_guidance_schedule("interval:low=0,high=0")(3.0)
    _agree(guided(both, none, alone=lambda x, t: 7 * x), X, TIMES)


def test_norms_and_what_is_made_of_them() -> None:
    _agree(norm_of_each, X)
    _agree(lambda a, b: clamped(a, b, 0.5), X, OTHER)
    _agree(renormalised, X, OTHER)
    _agree(norm_of_each, torch.zeros_like(X))


def test_a_value_for_every_item_is_of_their_kind() -> None:
    x = np.zeros((3, 1, 2), np.float32)
    assert full_like_items(np.float64(0.25), x).dtype == np.float32
    found = full_like_items(0.25, torch.zeros(3, 1, dtype=torch.float64))
    assert torch.equal(found, torch.full((3,), 0.25, dtype=torch.float64))


def test_it_runs_without_torch() -> None:
    """A sample by every solver, on numpy alone."""
    code = """
import sys
import numpy as np
from scoresubnet.guidance import Guide, guided
from scoresubnet.samplers import SAMPLERS
from scoresubnet.schedules import constant_guidance
from scoresubnet.sde import VPSDE
from scoresubnet.time_grids import TIME_GRIDS
random = np.random.default_rng(0)
score = guided(lambda x, t: Guide(-x, 0 * x, None), constant_guidance(1.0))
for solver in SAMPLERS.values():
    for grid in TIME_GRIDS.values():
        noise = lambda: random.standard_normal((2, 1, 3, 4)).astype(np.float32)
        x = solver(score, noise(), grid(3, VPSDE()), noise, VPSDE(), lambda step, x: None)
        assert x.dtype == np.float32 and np.isfinite(x).all()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
