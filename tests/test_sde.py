import math

import pytest
import torch
from scipy.integrate import quad

from scoresubnet.sde import VPSDE, over_batch

SDES = [VPSDE(), VPSDE(beta_min=0.5, beta_max=3.0), VPSDE(beta_min=4.0, beta_max=4.0)]
TIMES = torch.tensor([1e-3, 0.01, 0.1, 0.3, 0.5, 0.77, 1.0], dtype=torch.float64)


@pytest.mark.parametrize("sde", SDES)
def test_signal_and_noise_keep_unit_variance(sde: VPSDE) -> None:
    power = sde.alpha(TIMES) ** 2 + sde.sigma(TIMES) ** 2
    torch.testing.assert_close(power, torch.ones_like(power))


@pytest.mark.parametrize("sde", SDES)
def test_log_alpha_is_the_integral_of_beta(sde: VPSDE) -> None:
    for t in TIMES:
        integral, _ = quad(lambda s: sde.beta(torch.tensor(s, dtype=torch.float64)), 0, t)
        assert float(sde.log_alpha(t)) == pytest.approx(-0.5 * integral, rel=1e-9)


@pytest.mark.parametrize("sde", SDES)
def test_beta_runs_from_its_minimum_to_its_maximum(sde: VPSDE) -> None:
    ends = sde.beta(torch.tensor([0.0, 0.5, 1.0]))
    middle = (sde.beta_min + sde.beta_max) / 2
    torch.testing.assert_close(ends, torch.tensor([sde.beta_min, middle, sde.beta_max]))


@pytest.mark.parametrize("sde", SDES)
def test_moments_solve_the_forward_sde(sde: VPSDE) -> None:
    """alpha' = -1/2 beta alpha and (sigma^2)' = beta (1 - sigma^2), by central differences."""
    t, h = TIMES[1:-1], 1e-6
    beta = sde.beta(t)
    slope_of_mean = (sde.alpha(t + h) - sde.alpha(t - h)) / (2 * h)
    slope_of_variance = (sde.sigma(t + h) ** 2 - sde.sigma(t - h) ** 2) / (2 * h)
    torch.testing.assert_close(slope_of_mean, -0.5 * beta * sde.alpha(t), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(
        slope_of_variance, beta * (1 - sde.sigma(t) ** 2), rtol=1e-6, atol=1e-8
    )


def test_published_end_points() -> None:
    """Song et al. 2021: the integral of beta over [0, 1] is 10.05, so hardly any signal is left."""
    assert float(VPSDE().alpha(torch.tensor(1.0))) == pytest.approx(math.exp(-5.025), rel=1e-5)


def test_sigma_keeps_its_precision_at_small_times() -> None:
    """sqrt(1 - alpha^2) would lose half of float32's digits here."""
    t = torch.tensor([1e-4, 1e-3, 1e-2])
    exact = torch.tensor([math.sqrt(-math.expm1(-0.1 * s - 9.95 * s**2)) for s in t.tolist()])
    torch.testing.assert_close(VPSDE().sigma(t), exact, rtol=2e-6, atol=0)


@pytest.mark.parametrize("sde", SDES)
def test_time_of_log_snr_inverts_log_snr(sde: VPSDE) -> None:
    torch.testing.assert_close(sde.time_of_log_snr(sde.log_snr(TIMES)), TIMES, rtol=1e-9, atol=0)
    single = TIMES.float()
    torch.testing.assert_close(sde.time_of_log_snr(sde.log_snr(single)), single, rtol=1e-4, atol=0)


def test_log_snr_is_the_log_of_alpha_over_sigma_and_falls() -> None:
    sde = VPSDE()
    log_snr = sde.log_snr(TIMES)
    torch.testing.assert_close(log_snr.exp() * sde.sigma(TIMES), sde.alpha(TIMES))
    assert (log_snr.diff() < 0).all()


def test_perturb_scales_each_item_by_its_own_time() -> None:
    sde, t = VPSDE(), torch.tensor([0.1, 0.9])
    x0, noise = torch.full((2, 1, 3, 4), 2.0), torch.full((2, 1, 3, 4), -1.0)
    xt = sde.perturb(x0, noise, t)
    for k in range(2):
        expected = 2 * float(sde.alpha(t[k])) - float(sde.sigma(t[k]))
        torch.testing.assert_close(xt[k], torch.full((1, 3, 4), expected))


def test_perturb_has_the_moments_of_the_marginal() -> None:
    """Data N(0.7, 0.5^2) at t = 0.2: mean alpha 0.7, variance alpha^2 0.25 + sigma^2."""
    sde, t, generator = VPSDE(), 0.2, torch.Generator().manual_seed(0)
    x0 = 0.7 + 0.5 * torch.randn(1, 200_000, generator=generator)
    noise = torch.randn(1, 200_000, generator=generator)
    xt = sde.perturb(x0, noise, torch.tensor([t]))
    alpha = math.exp(-0.5 * (0.1 * t + 9.95 * t**2))
    assert float(xt.mean()) == pytest.approx(0.7 * alpha, abs=0.01)
    assert float(xt.var()) == pytest.approx(0.25 * alpha**2 + 1 - alpha**2, rel=0.015)


@pytest.mark.parametrize(
    "values",
    [
        {"beta_min": 0.0},
        {"beta_min": -1.0},
        {"beta_min": 5.0, "beta_max": 4.0},
        {"beta_max": float("nan")},
        {"beta_max": 1e300},
        {"beta_max": 1e-300, "beta_min": 1e-300},
        {"t_eps": 0.0},
        {"t_eps": 1e-300},
        {"t_eps": 1.0},
        {"t_eps": -0.1},
    ],
)
def test_impossible_settings_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        VPSDE(**values)


def test_one_time_per_item_is_demanded() -> None:
    x = torch.zeros(3, 1, 2, 2)
    assert over_batch(torch.ones(3), x).shape == (3, 1, 1, 1)
    for wrong in (torch.ones(2), torch.ones(1), torch.ones(3, 1), torch.tensor(1.0)):
        with pytest.raises(ValueError, match=r"one value per item, \(3,\)"):
            VPSDE().perturb(x, x, wrong)
