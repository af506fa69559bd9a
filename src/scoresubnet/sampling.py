"""Settings of the reverse process, from which options and help texts are made; free of torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from scoresubnet.options.ranges import whole_number
from scoresubnet.options.registries import find

if TYPE_CHECKING:
    from scoresubnet.schedules import Schedule

MOST_STEPS = 10_000
MOST_GUIDANCE = 100.0


def _option(type: Callable[..., object], help: str, *choices: str) -> dict[str, Any]:
    """Metadata of a field: what its option on the command line needs. A test holds the choices."""
    if choices:
        help = f"{help}: {', '.join(choices[:-1])} or {choices[-1]}"
    return {"type": type, "help": help}


SOLVERS = ("euler-maruyama", "predictor-corrector", "ddim", "heun", "dpmpp-2m", "dpmpp-2m-sde")
GRIDS = ("uniform", "quadratic", "log-snr", "karras")
SCHEDULES = (
    *("constant", "interval:low=0.1,high=0.7", "linear:start=0,end=2"),
    *("cosine:start=0,end=2", "adaptive:power=1"),
)


@dataclass(frozen=True)
class Sampling:
    """The way from noise to speech; the metadata of each field says what it means."""

    sampler: str = field(metadata=_option(str, "solver of the reverse process", *SOLVERS))
    steps: int = field(metadata=_option(int, f"reverse steps, 1 to {MOST_STEPS}"))
    grid: str = field(metadata=_option(str, "where the steps lie", *GRIDS))
    guidance: float = field(
        metadata=_option(float, f"guidance strength gamma, 0 to {MOST_GUIDANCE:g}")
    )
    schedule: Schedule = field(
        metadata=_option(str, "how gamma moves (parameters left out are as here)", *SCHEDULES)
    )
    clamp: float | None = field(
        default=None,
        metadata=_option(float, "the guidance term is at most so many times as long as the score"),
    )
    renormalise: bool = field(
        default=False,
        metadata=_option(bool, "keep the guided score as long as the unguided one"),
    )

    def __str__(self) -> str:
        text = f"{self.sampler}, {self.steps} steps, {self.grid} grid, guidance {self.guidance:g}, "
        text += f"{self.schedule if isinstance(self.schedule, str) else 'own'} schedule"
        text += f", clamp {self.clamp:g}" if self.clamp is not None else ""
        return text + ", renormalised" * self.renormalise

    def check(self) -> None:
        """Refuse what cannot be sampled; imports torch for its registries.

        Raises:
            ValueError: a name is unknown, or a number out of its range.
        """
        from scoresubnet.samplers import SAMPLERS
        from scoresubnet.schedules import read_guidance_schedule
        from scoresubnet.time_grids import TIME_GRIDS

        if not (isinstance(self.guidance, Real) and 0 <= self.guidance <= MOST_GUIDANCE):
            raise ValueError(
                f"guidance {self.guidance} is out of range; it lies between 0 and {MOST_GUIDANCE:g}"
            )
        whole_number("steps", self.steps, 1, MOST_STEPS)
        find("sampler", self.sampler, SAMPLERS)
        find("time grid", self.grid, TIME_GRIDS)
        read_guidance_schedule(self.schedule)(self.guidance)
        clamp = self.clamp
        if clamp is not None and not (isinstance(clamp, Real) and 0 < clamp < math.inf):
            raise ValueError(f"clamp {clamp} is out of range; it is positive and finite")
        if not isinstance(self.renormalise, bool):
            raise ValueError(f"renormalise {self.renormalise!r} is neither True nor False")

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, ready for JSON.

        Raises:
            ValueError: as for `check`, or the schedule is a function.
        """
        if not isinstance(self.schedule, str):
            raise ValueError(
                "schedule is a function, which cannot be written down; give it as text, for "
                "instance 'interval:low=0.1,high=0.7'"
            )
        self.check()
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sampling:
        """Read what `to_dict` gave; settings that have a default may be missing.

        Raises:
            ValueError: a setting is unknown, missing, or refused by `check`.
        """
        _refuse_unknown(values)
        needed = {name for name, f in SETTINGS.items() if f.default is MISSING}
        if missing := needed - set(values):
            raise ValueError(f"sampling setting {min(missing)!r} is missing; give all of {needed}")
        found = cls(**values)
        found.check()
        return found


SETTINGS = {setting.name: setting for setting in fields(Sampling)}
"""name -> field, whose metadata has the type and the help text of its option."""

SAMPLING_PRESETS: dict[str, Sampling] = {
    # Makarov & Gerkmann 2026: eq. 2 in 100 steps of Euler-Maruyama, gamma 3. They do not say how
    # their last step goes; ours is exact and adds no noise (samplers/reverse_sde.py).
    "paper": Sampling("euler-maruyama", 100, "uniform", 3.0, "constant"),
    # A tenth of the network evaluations (ours). Guidance below t = 0.7 alone, in six of the
    # steps: above, where there is next to nothing to classify, it adds no quality, and amplifies
    # rounding errors until the sample is another one (docs/log/2026-11-27-benchmarks.md).
    "fast": Sampling("dpmpp-2m-sde", 10, "uniform", 3.0, "interval:low=0,high=0.7"),
}

DEFAULT_SAMPLING = "fast"


def resolve_sampling(sampling: str | Sampling | None = None, **overrides: Any) -> Sampling:
    """The settings that a name or a `Sampling` stands for, but for those that are given.

    Args:
        sampling: a key of `SAMPLING_PRESETS`, or settings; None is "fast".
        overrides: settings by name; None leaves one as it is.

    Raises:
        ValueError: there is no such preset or setting, or the result is refused by `check`.
    """
    if isinstance(sampling, str | None):
        sampling = find("sampling preset", sampling or DEFAULT_SAMPLING, SAMPLING_PRESETS)
    if not isinstance(sampling, Sampling):
        raise ValueError(
            f"sampling {sampling!r} is neither a name nor a Sampling; give guidance, sampler and "
            "steps by keyword"
        )
    _refuse_unknown(overrides)
    given = {name: value for name, value in overrides.items() if value is not None}
    chosen = replace(sampling, **given)
    chosen.check()
    return chosen


def preset_name(sampling: Sampling) -> str | None:
    """The key of `SAMPLING_PRESETS` with these settings, if there is one."""
    return next((name for name, preset in SAMPLING_PRESETS.items() if preset == sampling), None)


def _refuse_unknown(values: Mapping[str, Any]) -> None:
    for name in values:
        find("sampling setting", name, SETTINGS)
