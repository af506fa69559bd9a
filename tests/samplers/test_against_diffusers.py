"""Step by step against the schedulers of `diffusers`, an independent implementation.

Their noise levels sigma / alpha become our times; the score is that of two Gaussians, which is not
linear. Where they can be set to the same choices, the two agree to the float32 of the schedulers.
"""

from functools import partial

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    HeunDiscreteScheduler,
    ScoreSdeVeScheduler,
)
from torch import Tensor

from scoresubnet.samplers import (
    Sampler,
    ddim,
    dpmpp_2m,
    dpmpp_2m_sde,
    euler_maruyama,
    heun,
    predictor_corrector,
)
from scoresubnet.sde import VPSDE, over_batch

SDE = VPSDE()
SHAPE = (2, 1, 4, 3)
BETAS = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02}  # theirs for VP


def score_fn(x: Tensor, t: Tensor) -> Tensor:
    """The score of 0.7 N(-0.8, 0.3^2) + 0.3 N(0.9, 0.3^2), perturbed."""
    alpha, sigma = over_batch(SDE.alpha(t), x), over_batch(SDE.sigma(t), x)
    variance = (0.3 * alpha) ** 2 + sigma**2
    means = torch.tensor([-0.8, 0.9], dtype=x.dtype) * alpha[..., None]
    away = means - x[..., None]
    logits = torch.tensor([0.7, 0.3]).log() - away**2 / (2 * variance[..., None])
    return (logits.softmax(-1) * away).sum(-1) / variance


def epsilon(x: Tensor, t: Tensor) -> Tensor:
    """What `diffusers` asks of its model, at a time ()."""
    batch_t = t.to(x.dtype).expand(len(x))
    return -over_batch(SDE.sigma(batch_t), x) * score_fn(x, batch_t)


def times_of(sigmas: Tensor) -> Tensor:
    """Our times for noise levels sigma / alpha; the first lies a little above 1."""
    return SDE.time_of_log_snr(-sigmas.double().log())


def random(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def steps_of(sampler: Sampler, x: Tensor, times: Tensor, noises: list[Tensor]) -> list[Tensor]:
    """x after each step of ours; the noises are taken in order."""
    seen: list[Tensor] = []
    drawn = iter(noises)
    sampler(score_fn, x, times, lambda: next(drawn), SDE, lambda step, x: seen.append(x))
    return seen


def compare(found: list[Tensor], expected: list[Tensor]) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).norm() < 1e-5 * theirs.norm()
    assert (expected[-1] - expected[0]).norm() > 0.2 * expected[0].norm()  # and it went somewhere


@pytest.mark.parametrize(
    ("sampler", "algorithm"), [(dpmpp_2m, "dpmsolver++"), (dpmpp_2m_sde, "sde-dpmsolver++")]
)
@pytest.mark.parametrize(
    "grid", [{"num_inference_steps": 20}, {"timesteps": [990, 700, 500, 420, 200, 90, 30, 4]}]
)
def test_dpm_solver(sampler: Sampler, algorithm: str, grid: dict[str, object]) -> None:
    """The same choices as ours: midpoint, a last step of first order to the smallest sigma.

    Theirs adds noise in the last step too, so it is given zeros there.
    """
    scheduler = DPMSolverMultistepScheduler(
        **BETAS,
        algorithm_type=algorithm,
        solver_order=2,
        solver_type="midpoint",
        lower_order_final=False,
        euler_at_final=True,
        final_sigmas_type="sigma_min",
    )
    scheduler.set_timesteps(**grid)
    times = times_of(scheduler.sigmas)
    noises = [random(seed) for seed in range(1, len(times) - 1)]
    x, expected = random(0), []
    for k, t in enumerate(scheduler.timesteps):
        noise = noises[k] if k < len(noises) else torch.zeros(SHAPE)
        output = epsilon(x, times[k])
        x = scheduler.step(output, t, x, variance_noise=noise, return_dict=False)[0]
        expected.append(x)
    compare(steps_of(sampler, random(0), times, noises), expected)


def test_ddim() -> None:
    scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False)
    scheduler.set_timesteps(20)
    power = scheduler.alphas_cumprod[scheduler.timesteps].double()
    times = times_of(((1 - power) / power).sqrt())
    x, expected = random(0), []
    for k, t in enumerate(scheduler.timesteps[:-1]):
        x = scheduler.step(epsilon(x, times[k]), int(t), x, eta=0.0, return_dict=False)[0]
        expected.append(x)
    compare(steps_of(ddim, random(0), times, []), expected)


def test_heun() -> None:
    """Theirs moves x / alpha, in two calls a step, and ends in a step of Euler's to sigma = 0.

    That last step is the only one in which they differ by choice, and is left out.
    """
    scheduler = HeunDiscreteScheduler(**BETAS)
    scheduler.set_timesteps(15)
    levels = torch.cat([scheduler.sigmas[:1], scheduler.sigmas[1:-1:2]])
    scheduler.set_begin_index(0)
    calls = scheduler.timesteps[: 2 * (len(levels) - 1)]
    x, expected = random(0) * (levels[0] ** 2 + 1).sqrt(), []
    for call, t in enumerate(calls):
        level = scheduler.sigmas[scheduler.step_index or 0]
        output = epsilon(scheduler.scale_model_input(x, t), times_of(level))
        x = scheduler.step(output, t, x, return_dict=False)[0]
        if call % 2:
            expected.append(x / (levels[call // 2 + 1] ** 2 + 1).sqrt())
    compare(steps_of(heun, random(0), times_of(levels), []), expected)


def test_the_corrector(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item, since theirs takes the mean norm of the batch; our Euler-Maruyama before it."""
    scheduler = ScoreSdeVeScheduler(snr=0.3)
    scheduler.set_timesteps(10)
    times = torch.linspace(0.8, 0.1, 6, dtype=torch.float64)
    noises = [random(seed)[:1] for seed in range(1, 20)]
    x, expected = random(0)[:1], []
    for k in range(5):
        last = k == 4
        # The last step of a grid adds no noise, so one more follows where there should be some.
        grid = times[k : k + 2] if last else torch.cat([times[k : k + 2], times[-1:]])
        x = steps_of(euler_maruyama, x, grid, noises[2 * k :])[0]
        if not last:
            monkeypatch.setattr(  # the scheduler draws its own noise; it gets ours
                "diffusers.schedulers.scheduling_sde_ve.randn_tensor",
                lambda *args, z=noises[2 * k + 1], **kwargs: z,
            )
            t = times[k + 1].float().expand(1)
            x = scheduler.step_correct(score_fn(x, t), x, return_dict=False)[0]
        expected.append(x)
    ours = partial(predictor_corrector, ratio=0.3)
    compare(steps_of(ours, random(0)[:1], times, noises), expected)
