"""What every solver of the registry keeps to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scoresubnet.noise import seeded_noise
from scoresubnet.samplers import EVALUATIONS, SAMPLERS, Sampler, evaluations, no_callback
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE
from scoresubnet.time_grids import TIME_GRIDS

SDE = VPSDE()
Data = Callable[..., Any]


def sample(
    sampler: Sampler,
    score_fn: ScoreFunction,
    seeds: list[int],
    steps: int = 6,
    grid: str = "uniform",
) -> Tensor:
    noise = seeded_noise(seeds, (1, 4, 4), torch.empty(0))
    times = TIME_GRIDS[grid](steps, SDE)
    return sampler(score_fn, noise(), times, noise, SDE, no_callback)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("grid", TIME_GRIDS)
def test_sampling_has_the_moments_of_the_data(name: str, grid: str, gaussian: Data) -> None:
    """From X_1 ~ N(0, 1) with real noise, through 200 steps: 10,240 samples."""
    noise = seeded_noise([11, 12], (1, 80, 64), torch.empty(0))
    times = TIME_GRIDS[grid](200, SDE)
    x = SAMPLERS[name](gaussian(mu=0.6, s=0.5).score, noise(), times, noise, SDE, no_callback)
    assert float(x.mean()) == pytest.approx(0.6, abs=0.03)
    assert float(x.std()) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sample_depends_on_its_own_seed_alone(name: str, gaussian: Data) -> None:
    score_fn = gaussian().score
    alone = sample(SAMPLERS[name], score_fn, [7])[0]
    for seeds in ([7, 3], [3, 7], [1, 2, 7, 4], [7, 7]):
        together = sample(SAMPLERS[name], score_fn, seeds)
        assert torch.equal(together[seeds.index(7)], alone)
    assert not torch.equal(sample(SAMPLERS[name], score_fn, [8])[0], alone)


@pytest.mark.parametrize("name", SAMPLERS)
def test_callback_sees_every_step_and_the_input_is_kept(name: str, gaussian: Data) -> None:
    x, seen = torch.ones(2, 1, 4, 4), []
    y = SAMPLERS[name](
        gaussian().score,
        x,
        TIME_GRIDS["uniform"](5, SDE),
        seeded_noise([0, 1], (1, 4, 4), torch.empty(0)),
        SDE,
        lambda step, x: seen.append((step, x.clone())),
    )
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4]
    assert torch.equal(seen[-1][1], y)
    assert not torch.equal(seen[0][1], y)
    assert torch.equal(x, torch.ones(2, 1, 4, 4))
    assert y.dtype == x.dtype


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("grid", TIME_GRIDS)
@pytest.mark.parametrize("steps", [1, 2, 3, 9])
def test_the_score_is_asked_as_often_as_stated_and_at_times_of_the_grid(
    name: str, grid: str, steps: int, gaussian: Data
) -> None:
    asked: list[Tensor] = []

    def score_fn(x: Tensor, t: Tensor) -> Tensor:
        assert t.shape == (3,)
        assert t.dtype == x.dtype
        asked.append(t[0])
        return gaussian().score(x, t)

    y = sample(SAMPLERS[name], score_fn, [0, 1, 2], steps, grid)
    assert torch.isfinite(y).all()
    assert len(asked) == evaluations(name, steps)
    times = TIME_GRIDS[grid](steps, SDE).astype(np.float32)
    assert set(times[:-1].tolist()) <= {t.item() for t in asked} <= set(times.tolist())
    assert (torch.stack(asked).diff() <= 0).all()


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_last_step_adds_no_noise(name: str, steps: int, gaussian: Data) -> None:
    """A solver draws the same number of noises in each step but the last, where it draws none."""
    drawn = [0]

    def noise() -> Tensor:
        drawn[-1] += 1
        return torch.ones(2, 3)

    x, times = torch.zeros(2, 3), TIME_GRIDS["uniform"](steps, SDE)
    SAMPLERS[name](gaussian().score, x, times, noise, SDE, lambda step, x: drawn.append(0))
    a_step = {"euler-maruyama": 1, "predictor-corrector": 2, "dpmpp-2m-sde": 1}.get(name, 0)
    assert drawn == [a_step] * (steps - 1) + [0, 0]


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("grid", TIME_GRIDS)
@pytest.mark.parametrize("steps", [20, 50, 100])
def test_no_more_than_the_noise_of_t_eps_is_left(
    name: str, grid: str, steps: int, gaussian: Data
) -> None:
    """All mass at one point, so that all spread is noise that a sampler left; 4,000 samples."""
    noise = seeded_noise([1], (1, 40, 100), torch.empty(0))
    times = TIME_GRIDS[grid](steps, SDE)
    x = SAMPLERS[name](gaussian(mu=0.6, s=0).score, noise(), times, noise, SDE, no_callback)
    left = float((x - SDE.alpha(times[-1]) * 0.6).square().mean() ** 0.5)
    sigma = float(SDE.sigma(times[-1]))
    assert left < 1.03 * sigma
    if name in ("ddim", "heun", "dpmpp-2m"):  # of the ODE: what it leaves is known exactly
        assert left > 0.97 * sigma


def test_every_sampler_states_its_evaluations() -> None:
    assert EVALUATIONS.keys() == SAMPLERS.keys()
    with pytest.raises(
        ValueError, match="unknown sampler 'huen'; nearest first, there are: heun, "
    ):
        evaluations("huen", 10)
