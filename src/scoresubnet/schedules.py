"""Plain functions of time: training times, time grids of samplers, guidance strengths."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from scoresubnet.guidance import GuidanceSchedule
from scoresubnet.registries import find
from scoresubnet.sde import VPSDE

Schedule = str | Callable[[float], GuidanceSchedule]
"""A guidance schedule as text, see `read_guidance_schedule`, or as a function of gamma."""


def uniform_grid(steps: int, t_eps: float) -> Tensor:
    """`steps` equal steps from t = 1 down to t_eps: (steps + 1,) float64 times."""
    return torch.linspace(1.0, t_eps, steps + 1, dtype=torch.float64)


def quadratic_grid(steps: int, t_eps: float) -> Tensor:
    """Equal steps of sqrt(t), shorter towards the data: (steps + 1,) float64 times.

    The "quadratic" choice of Song, Meng & Ermon 2021, appendix D.2.
    """
    return _with_ends(
        torch.linspace(1.0, math.sqrt(t_eps), steps + 1, dtype=torch.float64) ** 2, t_eps
    )


def log_snr_grid(steps: int, sde: VPSDE) -> Tensor:
    """Equal steps of log(alpha / sigma): (steps + 1,) float64 times.

    The choice of Lu et al. 2022 ("DPM-Solver"): every step multiplies alpha / sigma by the same.
    """
    first, last = sde.log_snr(torch.tensor([1.0, sde.t_eps], dtype=torch.float64)).tolist()
    log_snr = torch.linspace(first, last, steps + 1, dtype=torch.float64)
    return _with_ends(sde.time_of_log_snr(log_snr), sde.t_eps)


def karras_grid(steps: int, sde: VPSDE, rho: float = 7.0) -> Tensor:
    """Equal steps of (sigma / alpha)^(1 / rho): (steps + 1,) float64 times.

    Karras et al. 2022, eq. 5; their sigma is sigma / alpha here, the noise on data of scale one.
    Their last step leads to sigma = 0, this one to t_eps.
    """
    first, last = sde.log_snr(torch.tensor([1.0, sde.t_eps], dtype=torch.float64)).tolist()
    roots = torch.linspace(
        math.exp(-first / rho), math.exp(-last / rho), steps + 1, dtype=torch.float64
    )
    return _with_ends(sde.time_of_log_snr(-rho * roots.log()), sde.t_eps)


def _with_ends(times: Tensor, t_eps: float) -> Tensor:
    """The same times with their ends exactly 1 and t_eps, not a rounding error beside."""
    times[0], times[-1] = 1.0, t_eps
    return times


TIME_GRIDS: dict[str, Callable[[int, VPSDE], Tensor]] = {
    "uniform": lambda steps, sde: uniform_grid(steps, sde.t_eps),
    "quadratic": lambda steps, sde: quadratic_grid(steps, sde.t_eps),
    "log-snr": log_snr_grid,
    "karras": karras_grid,
}
"""name -> (steps, sde) -> decreasing times (steps + 1,) in float64, from exactly 1 to t_eps."""


def constant_guidance(gamma: float) -> GuidanceSchedule:
    """gamma(t) = gamma, the paper's choice.

    Raises:
        ValueError: gamma is negative or not finite; so for every schedule.
    """
    _refuse_negative(gamma=gamma)
    return lambda t, p=None: torch.full_like(t, gamma)


def interval_guidance(gamma: float, low: float = 0.1, high: float = 0.7) -> GuidanceSchedule:
    """gamma for t in [low, high] and 0 elsewhere (Kynkaanniemi et al. 2024).

    Where it is 0 no class gradient is computed. They give the interval in sigma / alpha; their
    [0.28, 2.9] for ImageNet-512 is [0.08, 0.47] in the default VP time. Above 0.7 little
    more than noise is left to tell words by (docs/log); `low` is not tuned.

    Raises:
        ValueError: not 0 <= low <= high <= 1.
    """
    _refuse_negative(gamma=gamma)
    if not 0 <= low <= high <= 1:
        raise ValueError(f"need 0 <= low <= high <= 1, got low {low}, high {high}")
    return lambda t, p=None: gamma * ((t >= low) & (t <= high)).to(t)


def linear_guidance(gamma: float, start: float = 0.0, end: float = 2.0) -> GuidanceSchedule:
    """From `start` gamma at t = 1 along a line to `end` gamma at t = 0.

    Rising towards the data, as Wang et al. 2024 ("Analysis of Classifier-Free Guidance Weight
    Schedulers") find best; the default has a mean of gamma over t.

    Raises:
        ValueError: start or end is negative or not finite.
    """
    _refuse_negative(gamma=gamma, start=start, end=end)
    return lambda t, p=None: gamma * (end + (start - end) * t)


def cosine_guidance(gamma: float, start: float = 0.0, end: float = 2.0) -> GuidanceSchedule:
    """From `start` gamma at t = 1 along half a cosine, flat at both ends, to `end` gamma at t = 0.

    Wang et al. 2024, as for `linear_guidance`; the default has a mean of gamma over t.

    Raises:
        ValueError: start or end is negative or not finite.
    """
    _refuse_negative(gamma=gamma, start=start, end=end)
    return lambda t, p=None: gamma * (end + (start - end) * (1 - torch.cos(math.pi * t)) / 2)


def adaptive_guidance(gamma: float, power: float = 1.0) -> GuidanceSchedule:
    """gamma (1 - p)^power, with p = p(y | x_t, t) of each item (ours).

    gamma while the classifier hears nothing of the label, 0 once it is sure of it; the power
    says how soon. p comes from the forward pass that gives the class gradient, and costs nothing.

    Raises:
        ValueError: power is not positive and finite.
    """
    _refuse_negative(gamma=gamma)
    if not 0 < power < math.inf:
        raise ValueError(f"power {power} is out of range; it is positive and finite")

    def schedule(t: Tensor, p: Tensor | None = None) -> Tensor:
        if p is None:
            return torch.full_like(t, gamma)
        return gamma * (1 - p.to(t)).clamp(min=0) ** power

    return schedule


def _refuse_negative(**strengths: float) -> None:
    for name, value in strengths.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} {value} is out of range; it is finite and not negative")


GUIDANCE_SCHEDULES: dict[str, Callable[..., GuidanceSchedule]] = {
    "constant": constant_guidance,
    "interval": interval_guidance,
    "linear": linear_guidance,
    "cosine": cosine_guidance,
    "adaptive": adaptive_guidance,
}
"""name -> (gamma, the schedule's own parameters) -> gamma(t, p)."""


BY_PROBABILITY = ("adaptive",)
"""Schedules that go by p(y | x_t, t), which only a classifier tells."""


def asks_probability(text: Schedule) -> bool:
    """Whether a schedule needs a classifier; a function is taken to do without."""
    return isinstance(text, str) and text.partition(":")[0] in BY_PROBABILITY


def guidance_schedule(name: str, **parameters: float) -> Callable[[float], GuidanceSchedule]:
    """A schedule by name with its parameters set, still to be given its gamma.

    >>> gentle = guidance_schedule("interval", low=0.2, high=0.6)(3.0)

    Args:
        name: a key of `GUIDANCE_SCHEDULES`.
        parameters: those of its function but gamma; what is left out keeps its default.

    Raises:
        ValueError: there is no such schedule, or it has no such parameter; a parameter out of its
            range is refused when gamma is given.
    """
    factory = find("guidance schedule", name, GUIDANCE_SCHEDULES)
    known = [
        parameter for parameter in inspect.signature(factory).parameters if parameter != "gamma"
    ]
    for parameter in parameters:
        find(f"parameter of the {name} guidance schedule", parameter, dict.fromkeys(known))
    return partial(factory, **parameters)


def read_guidance_schedule(text: Schedule) -> Callable[[float], GuidanceSchedule]:
    """A schedule as one writes it on a command line, still to be given its gamma.

    >>> gentle = read_guidance_schedule("interval:low=0.2,high=0.6")(3.0)

    Args:
        text: a key of `GUIDANCE_SCHEDULES`, alone or with parameters: `name:a=1,b=2`. A function
            is returned as it is.

    Raises:
        ValueError: as for `guidance_schedule`, or the text is not of that form.
    """
    if not isinstance(text, str):
        return text
    name, colon, rest = text.partition(":")
    parameters: dict[str, float] = {}
    for part in rest.split(",") if colon else []:
        key, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise ValueError(
                f"guidance schedule {text!r}: {part!r} is no parameter and its number; "
                "expected for instance interval:low=0.1,high=0.7"
            ) from None
        if key in parameters:
            raise ValueError(f"guidance schedule {text!r}: {key} is given twice")
        parameters[key] = number
    return guidance_schedule(name, **parameters)


def uniform_times(count: int, t_eps: float, generator: torch.Generator) -> Tensor:
    """Training times drawn uniformly from [t_eps, 1), the paper's choice.

    Returns:
        times (count,) on the generator's device.
    """
    return t_eps + (1 - t_eps) * torch.rand(count, generator=generator, device=generator.device)


def logit_normal_times(
    count: int,
    t_eps: float,
    generator: torch.Generator,
    centre: float = 0.3,
    spread: float = 1.0,
    uniform_share: float = 0.2,
) -> Tensor:
    """Training times around the middle of the noise range, where most is decided: (count,).

    logit(t) is normal with mean logit(centre) and standard deviation `spread` (Esser et al. 2024);
    a share of the times stays uniform, so that no time is left out. On the generator's device.
    """
    mean, device = math.log(centre / (1 - centre)), generator.device
    middle = torch.sigmoid(mean + spread * torch.randn(count, generator=generator, device=device))
    uniform = torch.rand(count, generator=generator, device=device)
    take_uniform = torch.rand(count, generator=generator, device=device) < uniform_share
    return t_eps + (1 - t_eps) * torch.where(take_uniform, uniform, middle)


TIME_DISTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "uniform": uniform_times,
    "logit_normal": logit_normal_times,
}
