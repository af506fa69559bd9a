"""Guidance strengths: plain functions of time, and of what the classifier hears."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial

from scoresubnet.arrays import Array, array_namespace
from scoresubnet.guidance import GuidanceSchedule
from scoresubnet.options.registries import find

Schedule = str | Callable[[float], GuidanceSchedule]
"""A guidance schedule as text, see `read_guidance_schedule`, or as a function of gamma."""


def constant_guidance(gamma: float) -> GuidanceSchedule:
    """gamma(t) = gamma, the paper's choice.

    Raises:
        ValueError: gamma is negative or not finite; so for every schedule.
    """
    _refuse_negative(gamma=gamma)
    return lambda t, p=None: array_namespace(t).full_like(t, gamma)


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

    def schedule(t: Array, p: Array | None = None) -> Array:
        inside = (t >= low) & (t <= high)
        return gamma * array_namespace(t).astype(inside, t.dtype)

    return schedule


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

    def schedule(t: Array, p: Array | None = None) -> Array:
        turned = (1 - array_namespace(t).cos(math.pi * t)) / 2
        return gamma * (end + (start - end) * turned)

    return schedule


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

    def schedule(t: Array, p: Array | None = None) -> Array:
        xp = array_namespace(t)
        if p is None:
            return xp.full_like(t, gamma)
        return gamma * xp.clip(1 - xp.astype(p, t.dtype), min=0) ** power

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

    Examples:
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

    Examples:
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
