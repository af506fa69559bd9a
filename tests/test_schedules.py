import math

import pytest
import torch
from scipy import stats

from scoresubnet.schedules import (
    TIME_DISTRIBUTIONS,
    constant_guidance,
    logit_normal_times,
    uniform_grid,
    uniform_times,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_the_grid_falls_from_one_to_t_eps(steps: int) -> None:
    times = uniform_grid(steps, 1e-3)
    assert times.shape == (steps + 1,)
    assert times.dtype == torch.float64
    assert float(times[0]) == 1.0
    assert float(times[-1]) == pytest.approx(1e-3, rel=1e-12)
    assert (times.diff() < 0).all()


def test_uniform_grid_has_equal_steps() -> None:
    widths = uniform_grid(50, 0.01).diff()
    torch.testing.assert_close(widths, torch.full((50,), -0.99 / 50).double())


def test_constant_guidance_is_one_value_per_item() -> None:
    t = torch.tensor([0.1, 0.5, 1.0])
    assert torch.equal(constant_guidance(3.0)(t), torch.tensor([3.0, 3.0, 3.0]))


@pytest.mark.parametrize("name", TIME_DISTRIBUTIONS)
def test_training_times_stay_in_their_range_and_repeat(name: str) -> None:
    draw = TIME_DISTRIBUTIONS[name]
    times = draw(50_000, 0.01, generator())
    assert times.shape == (50_000,)
    assert times.dtype == torch.float32
    assert 0.01 <= float(times.min()) < 0.012
    assert 0.99 < float(times.max()) <= 1.0
    assert torch.equal(times, draw(50_000, 0.01, generator()))
    assert not torch.equal(times, draw(50_000, 0.01, generator(1)))


def test_uniform_times_are_uniform() -> None:
    times = uniform_times(20_000, 0.2, generator()).numpy()
    assert stats.kstest(times, stats.uniform(0.2, 0.8).cdf).pvalue > 1e-4


def test_logit_normal_times_have_their_centre_and_spread() -> None:
    times = logit_normal_times(
        20_000, 0.1, generator(), centre=0.4, spread=0.7, uniform_share=0.0
    ).double()
    share = (times - 0.1) / 0.9
    logits = torch.log(share / (1 - share)).numpy()
    normal = stats.norm(math.log(0.4 / 0.6), 0.7)
    assert stats.kstest(logits, normal.cdf).pvalue > 1e-4


def test_uniform_share_mixes_the_two_distributions() -> None:
    """Below 0.05 lie 5 % of uniform times, and next to none of a narrow logit-normal at 0.5."""

    def low(share: float) -> float:
        times = logit_normal_times(
            40_000, 0.0, generator(), centre=0.5, spread=0.3, uniform_share=share
        )
        return float((times < 0.05).float().mean())

    assert low(0.0) == 0
    assert low(0.4) == pytest.approx(0.4 * 0.05, rel=0.15)
    assert low(1.0) == pytest.approx(0.05, rel=0.15)
