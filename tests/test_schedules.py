import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from scoresubnet.guidance import GuidanceSchedule
from scoresubnet.schedules import (
    GUIDANCE_SCHEDULES,
    adaptive_guidance,
    asks_probability,
    constant_guidance,
    cosine_guidance,
    guidance_schedule,
    interval_guidance,
    linear_guidance,
    read_guidance_schedule,
)
from scoresubnet.sde import VPSDE
from scoresubnet.time_grids import (
    TIME_GRIDS,
    karras_grid,
    log_snr_grid,
    quadratic_grid,
    uniform_grid,
)
from scoresubnet.training.times import TIME_DISTRIBUTIONS, logit_normal_times, uniform_times

SDES = [VPSDE(), VPSDE(beta_min=0.5, beta_max=3.0, t_eps=0.02)]
TIMES = torch.tensor([1e-3, 0.1, 0.25, 0.5, 0.75, 1.0])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", TIME_GRIDS)
@pytest.mark.parametrize("sde", SDES)
@pytest.mark.parametrize("steps", [1, 7, 100, 1000])
def test_every_grid_falls_from_one_to_t_eps(name: str, sde: VPSDE, steps: int) -> None:
    times = TIME_GRIDS[name](steps, sde)
    assert times.shape == (steps + 1,)
    assert times.dtype == np.float64
    assert float(times[0]) == 1.0
    assert float(times[-1]) == pytest.approx(sde.t_eps, rel=1e-12)
    assert (np.diff(times) < 0).all()


def test_the_uniform_grid_gives_the_times_that_it_always_gave() -> None:
    """To the network, which reads float32; it was torch's linspace, whose last bits depend on the
    processor."""
    for steps in (1, 2, 7, 10, 16, 100):
        expected = torch.linspace(1.0, 1e-3, steps + 1, dtype=torch.float64).numpy()
        for found in (TIME_GRIDS["uniform"](steps, VPSDE()), uniform_grid(steps, 1e-3)):
            assert np.array_equal(found.astype(np.float32), expected.astype(np.float32))
            np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_uniform_grid_has_equal_steps() -> None:
    np.testing.assert_allclose(np.diff(uniform_grid(50, 0.01)), -0.99 / 50)


def test_quadratic_grid_has_equal_steps_of_the_root() -> None:
    np.testing.assert_allclose(np.diff(np.sqrt(quadratic_grid(50, 0.01))), -0.9 / 50)


@pytest.mark.parametrize("sde", SDES)
def test_log_snr_grid_multiplies_alpha_over_sigma_by_the_same(sde: VPSDE) -> None:
    times = log_snr_grid(20, sde)
    ratio = sde.alpha(times) / sde.sigma(times)
    factor = (ratio[-1] / ratio[0]) ** (1 / 20)
    np.testing.assert_allclose(ratio[1:] / ratio[:-1], factor, rtol=1e-8)


@pytest.mark.parametrize("sde", SDES)
def test_karras_grid_is_their_formula(sde: VPSDE) -> None:
    """Karras et al. 2022, eq. 5, with their N - 1 = our 12 and their sigma = sigma / alpha."""
    times = karras_grid(12, sde)
    noise = (sde.sigma(times) / sde.alpha(times)).tolist()
    top, bottom = noise[0], noise[-1]
    for i in range(13):
        expected = (top ** (1 / 7) + i / 12 * (bottom ** (1 / 7) - top ** (1 / 7))) ** 7
        assert noise[i] == pytest.approx(expected, rel=1e-8)


def test_rho_runs_from_equal_noise_to_equal_log_snr() -> None:
    sde = VPSDE()
    flat = karras_grid(10, sde, rho=1.0)
    widths = np.diff(sde.sigma(flat) / sde.alpha(flat))
    np.testing.assert_allclose(widths, widths[0], rtol=1e-6)
    np.testing.assert_allclose(karras_grid(10, sde, rho=1e5), log_snr_grid(10, sde), rtol=1e-3)


def test_constant_guidance_is_one_value_per_item() -> None:
    t = torch.tensor([0.1, 0.5, 1.0])
    assert torch.equal(constant_guidance(3.0)(t), torch.tensor([3.0, 3.0, 3.0]))


def test_interval_guidance_holds_its_ends_and_is_exactly_zero_outside() -> None:
    gamma = interval_guidance(3.0, low=0.1, high=0.7)
    t = torch.tensor([0.05, 0.0999, 0.1, 0.4, 0.7, 0.7001, 1.0])
    assert gamma(t).tolist() == [0, 0, 3, 3, 3, 0, 0]
    assert interval_guidance(2.0, 0.0, 1.0)(t).tolist() == [2] * 7


def test_the_published_interval_is_the_documented_one_in_vp_time() -> None:
    """sigma / alpha in [0.28, 2.9]: t = 0.08 to 0.47."""
    times = VPSDE().time_of_log_snr(-torch.tensor([0.28, 2.9], dtype=torch.float64).log())
    torch.testing.assert_close(times, torch.tensor([0.08, 0.47]).double(), atol=5e-3, rtol=0)


@pytest.mark.parametrize("factory", [linear_guidance, cosine_guidance])
def test_ramps_run_from_start_to_end_with_the_mean_of_both(
    factory: Callable[..., GuidanceSchedule],
) -> None:
    gamma = factory(3.0, start=0.5, end=1.1)
    t = torch.linspace(0, 1, 10_001, dtype=torch.float64)
    values = gamma(t)
    assert float(values[0]) == pytest.approx(3.3, rel=1e-12)
    assert float(values[-1]) == pytest.approx(1.5, rel=1e-12)
    assert float(values[5000]) == pytest.approx(2.4, rel=1e-12)
    assert (values.diff() < 0).all()
    assert float(values.mean()) == pytest.approx(2.4, rel=1e-4)
    assert float(factory(3.0)(t).mean()) == pytest.approx(3.0, rel=1e-4)


def test_ramps_differ_in_their_shape() -> None:
    """A quarter of the way: 1/4 of the line, (1 - cos(pi/4)) / 2 of the cosine."""
    t = torch.tensor([0.25], dtype=torch.float64)
    assert float(linear_guidance(1.0, 1.0, 0.0)(t)) == pytest.approx(0.25, rel=1e-12)
    assert float(cosine_guidance(1.0, 1.0, 0.0)(t)) == pytest.approx(
        (1 - math.sqrt(0.5)) / 2, rel=1e-12
    )


def test_adaptive_guidance_follows_the_confidence_of_each_item() -> None:
    p = torch.tensor([0.0, 0.2, 0.9, 1.0])
    t = torch.tensor([0.9, 0.1, 0.5, 0.5])
    torch.testing.assert_close(adaptive_guidance(3.0)(t, p), torch.tensor([3.0, 2.4, 0.3, 0.0]))
    above = adaptive_guidance(3.0, power=0.5)(t[:1], torch.tensor([1 + 2e-7]))
    assert above.tolist() == [0]  # a rounding error above 1 is no root of a negative number
    cubed = adaptive_guidance(3.0, power=3.0)(t, p)
    torch.testing.assert_close(cubed, torch.tensor([3.0, 3 * 0.512, 3e-3, 0.0]))


@pytest.mark.parametrize("name", GUIDANCE_SCHEDULES)
def test_every_schedule_keeps_its_contract(name: str) -> None:
    """(B,) in the type of t, proportional to gamma, and never more than without p."""
    for t in (TIMES, TIMES.double()):
        p = torch.linspace(0, 1, len(t))
        most, found = (guidance_schedule(name)(3.0)(t, q) for q in (None, p))
        for values in (most, found):
            assert values.shape == t.shape
            assert values.dtype == t.dtype
            assert (values >= 0).all()
        assert (found <= most).all()
        assert most.max() >= 3.0
        torch.testing.assert_close(guidance_schedule(name)(6.0)(t, p), 2 * found)
        assert not guidance_schedule(name)(0.0)(t).any()


@pytest.mark.parametrize("name", GUIDANCE_SCHEDULES)
@pytest.mark.parametrize("gamma", [-0.1, math.inf, math.nan])
def test_every_schedule_refuses_an_impossible_gamma(name: str, gamma: float) -> None:
    with pytest.raises(ValueError, match=f"gamma {gamma} is out of range"):
        guidance_schedule(name)(gamma)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("intervall", {}, "unknown guidance schedule 'intervall'; nearest first, .*: interval, "),
        ("interval", {"hihg": 0.5}, "unknown parameter of the interval .* 'hihg'; .*: high, low"),
        ("constant", {"gamma": 2.0}, "unknown parameter of the constant .* 'gamma'"),
        ("interval", {"low": 0.6, "high": 0.5}, "low 0.6, high 0.5"),
        ("interval", {"low": -0.1}, "low -0.1"),
        ("interval", {"high": 1.1}, "high 1.1"),
        ("interval", {"low": math.nan}, "low nan"),
        ("linear", {"start": -1.0}, "start -1.0 is out of range"),
        ("cosine", {"end": math.inf}, "end inf is out of range"),
        ("adaptive", {"power": 0.0}, "power 0.0 is out of range"),
        ("adaptive", {"power": math.nan}, "power nan is out of range"),
    ],
)
def test_what_makes_no_schedule_is_refused(
    name: str, parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        guidance_schedule(name, **parameters)(3.0)


def test_a_schedule_by_name_takes_every_parameter_of_its_function() -> None:
    for name, factory in GUIDANCE_SCHEDULES.items():
        first, *others = inspect.signature(factory).parameters.values()
        assert first.name == "gamma"
        given = {parameter.name: parameter.default for parameter in others}
        found: Tensor = guidance_schedule(name, **given)(3.0)(TIMES)
        assert torch.equal(found, guidance_schedule(name)(3.0)(TIMES))
    moved = guidance_schedule("interval", low=0.3, high=0.6)(3.0)
    assert moved(TIMES).tolist() == [0, 0, 0, 3, 0, 0]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("constant", constant_guidance(2.0)),
        ("interval", interval_guidance(2.0)),
        ("interval:high=0.5", interval_guidance(2.0, high=0.5)),
        ("interval:low=2e-1,high=0.5", interval_guidance(2.0, 0.2, 0.5)),
        ("adaptive:power=2", adaptive_guidance(2.0, 2.0)),
    ],
)
def test_a_schedule_is_read_with_its_parameters(text: str, same: object) -> None:
    p = torch.linspace(0, 1, len(TIMES))
    found = read_guidance_schedule(text)(2.0)
    assert torch.equal(found(TIMES, p), same(TIMES, p))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown guidance schedule ''"),
        ("lineer", "there are: linear"),
        ("linear:ende=1", "there are: end"),
        ("linear:gamma=1", "unknown parameter of the linear"),
        ("constant:power=1", "unknown parameter of the constant"),
        ("linear:", "'' is no parameter and its number"),
        ("linear:end", "'end' is no parameter and its number"),
        ("linear:end=x", "'end=x' is no parameter"),
        ("linear:end=1,", "'' is no parameter"),
        ("linear:end=1,end=2", "end is given twice"),
        ("linear:=1", "unknown parameter of the linear"),
    ],
)
def test_what_cannot_be_read_as_a_schedule_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_guidance_schedule(text)


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


@pytest.mark.parametrize("name", GUIDANCE_SCHEDULES)
def test_schedules_that_go_by_the_probability_are_known(name: str) -> None:
    """Those need a classifier, and a U-Net that guides itself has none."""
    gamma = read_guidance_schedule(name)(3.0)
    t = torch.linspace(0.05, 0.95, 7)
    moves = not torch.equal(gamma(t, torch.full((7,), 0.1)), gamma(t, torch.full((7,), 0.9)))
    assert asks_probability(name) == asks_probability(f"{name}:power=2") == moves
    assert not asks_probability(constant_guidance)  # a function of the user
