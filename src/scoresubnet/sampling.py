"""Named settings of the reverse process. Nothing heavy is imported: the command line lists them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scoresubnet.registries import find

if TYPE_CHECKING:
    from scoresubnet.pipeline import Schedule


@dataclass(frozen=True)
class Sampling:
    """How to get from noise to speech.

    Attributes:
        sampler: a key of `samplers.SAMPLERS`.
        steps: reverse steps.
        grid: a key of `schedules.TIME_GRIDS`.
        guidance: gamma.
        schedule: how gamma moves, as `schedules.read_guidance_schedule` takes it, or a function.
    """

    sampler: str
    steps: int
    grid: str
    guidance: float
    schedule: Schedule


SAMPLING_PRESETS: dict[str, Sampling] = {
    # Makarov & Gerkmann 2026: eq. 2 in 100 steps of Euler-Maruyama, gamma 3.
    "paper": Sampling("euler-maruyama", 100, "uniform", 3.0, "constant"),
    # A tenth of the network evaluations (ours). Guidance below t = 0.7 alone, in six of the
    # steps: above, where there is next to nothing to classify, it adds no quality, and amplifies
    # rounding errors until the sample is another one (docs/benchmarks.md).
    "fast": Sampling("dpmpp-2m-sde", 10, "uniform", 3.0, "interval:low=0,high=0.7"),
}

DEFAULT_SAMPLING = "fast"


def sampling(
    preset: str = DEFAULT_SAMPLING,
    sampler: str | None = None,
    steps: int | None = None,
    grid: str | None = None,
    guidance: float | None = None,
    schedule: Schedule | None = None,
) -> Sampling:
    """The settings of a preset, but for those that are given.

    Args:
        preset: a key of `SAMPLING_PRESETS`.
        sampler, steps, grid, guidance, schedule: as in `Sampling`; None leaves the preset's.

    Raises:
        ValueError: there is no such preset.
    """
    given = {
        "sampler": sampler,
        "steps": steps,
        "grid": grid,
        "guidance": guidance,
        "schedule": schedule,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(find("sampling preset", preset, SAMPLING_PRESETS), **chosen)  # type: ignore[arg-type]
