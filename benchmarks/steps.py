"""Quality against the number of network evaluations, for each solver, as a figure and a report.

    python -m benchmarks.steps --data ../shared/data --out runs/steps

Every setting is a system of one evaluation, with paired differences from the first. May be stopped
and started again: clips and scores are kept.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser
from jsonargparse.typing import NonNegativeFloat, NonNegativeInt, PositiveInt

from scoresubnet.sampling import SAMPLING_PRESETS, Sampling, resolve_sampling

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

SECTIONS = ("evaluator", "pocketsphinx", "dnsmos")
PANELS = {
    "pocketsphinx/accuracy": "heard as asked for (pocketsphinx)",
    "evaluator/frechet_infinite": "Frechet distance to real clips, extrapolated",
    "dnsmos/dnsmos_ovrl": "DNSMOS overall",
}


def settings_within(
    budgets: Sequence[int],
    samplers: Sequence[str],
    grid: str,
    guidance: float,
    schedules: Sequence[str],
) -> list[Sampling]:
    """For each solver, schedule and budget the most steps that ask for the score no more often."""
    from scoresubnet.samplers import evaluations

    found = []
    for sampler, schedule, budget in itertools.product(samplers, schedules, budgets):
        fitting = [n for n in range(1, budget + 1) if evaluations(sampler, n) <= budget]
        if fitting:
            found.append(Sampling(sampler, fitting[-1], grid, guidance, schedule))
    return list(dict.fromkeys(found))


def name_of(sampling: Sampling) -> str:
    """A name for a row and a folder: the preset's, or solver, steps and schedule."""
    for name, preset in SAMPLING_PRESETS.items():
        if sampling == preset:
            return name
    plain = SAMPLING_PRESETS["paper"]
    parts = [sampling.sampler, str(sampling.steps)]
    schedule, grid, gamma = str(sampling.schedule), sampling.grid, sampling.guidance
    parts += [schedule.replace(":", "-")] if schedule != plain.schedule else []
    parts += [grid] if grid != plain.grid else []
    parts += [f"{gamma:g}"] if gamma != plain.guidance else []
    return " ".join(parts)


def steps_figure(report: Mapping[str, Any], settings: Mapping[str, Sampling]) -> Figure:
    """A panel for each figure of quality; a line for each solver and guidance schedule.

    Bars are the 95 % intervals. Settings with a name are ringed.

    Args:
        report: of the evaluation.
        settings: name of the system -> its sampling.
    """
    from matplotlib.figure import Figure

    from scoresubnet.samplers import evaluations

    figures = {f["key"]: f for s in report["sections"].values() for f in s["figures"]}
    panels = [key for key in PANELS if key in figures]
    figure = Figure(figsize=(4 * len(panels), 4.4), layout="constrained")
    for axes, key in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        lines: dict[str, list[tuple[int, dict[str, float]]]] = {}
        for name, sampling in settings.items():
            found = figures[key]["systems"][name]
            if found["value"] is None:
                continue
            asked = evaluations(sampling.sampler, sampling.steps)
            lines.setdefault(f"{sampling.sampler}, {sampling.schedule}", []).append((asked, found))
            if name in SAMPLING_PRESETS:
                place = (asked, found["value"])
                axes.plot(*place, "o", markersize=9, fillstyle="none", color="black")
                axes.annotate(name, place, xytext=(6, 6), textcoords="offset points")
        for label, points in lines.items():
            points.sort(key=lambda point: point[0])
            values = [found["value"] for _, found in points]
            bars = [
                [max(0.0, found["value"] - found["low"]) for _, found in points],
                [max(0.0, found["high"] - found["value"]) for _, found in points],
            ]
            style = {"marker": "o", "markersize": 3, "linewidth": 1, "capsize": 2}
            axes.errorbar([n for n, _ in points], values, yerr=bars, label=label, **style)
        axes.set(xscale="log", xlabel="network evaluations a clip", title=PANELS[key])
        _in_plain_numbers(axes.xaxis)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    return figure


def _in_plain_numbers(axis: Axis) -> None:
    """1, 2, 5, 10 and so on at a logarithmic axis."""
    from matplotlib.ticker import LogLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.minorticks_off()


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m benchmarks.steps",
        description="Quality against network evaluations: a report, and steps.png.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the folder that holds speech_commands/")
    add("--out", type=Path, default=Path("runs/steps"), help="results, clips and scores")
    add("--weights", type=str, default="words18-small", help="shipped name, folder or file")
    add("--sampling", nargs="*", type=str, default=list(SAMPLING_PRESETS), help="named settings")
    add("--samplers", nargs="*", type=str | None, help="all if left out")
    add("--evaluations", nargs="+", type=PositiveInt, default=[5, 10, 20, 50, 100])
    add("--grid", type=str, default="uniform", help="of the settings without a name")
    add("--guidance", type=NonNegativeFloat, default=3.0, help="gamma of these")
    add("--schedules", nargs="+", type=str, default=["constant"], help="of the guidance")
    add("--count", type=PositiveInt, default=20, help="clips of each label")
    add("--seed", type=NonNegativeInt, default=0, help="of the clips")
    add("--sections", nargs="+", type=str, default=list(SECTIONS), help="judges")
    given = parser.parse_args(arguments)

    from scoresubnet.evaluation.run import Evaluation
    from scoresubnet.evaluation.specs import SystemSpec
    from scoresubnet.plots import save_figure
    from scoresubnet.samplers import SAMPLERS

    samplers = list(SAMPLERS) if given.samplers is None else given.samplers
    chosen = [resolve_sampling(name) for name in given.sampling]
    chosen += settings_within(
        given.evaluations, samplers, given.grid, given.guidance, given.schedules
    )
    settings = {name_of(sampling): sampling for sampling in dict.fromkeys(chosen)}
    evaluation = Evaluation(
        [
            SystemSpec(weights=given.weights, name=name, sampling=sampling)
            for name, sampling in settings.items()
        ],
        str(given.data / "speech_commands"),
        given.out,
        count=given.count,
        seed=given.seed,
        only=given.sections,
    )
    report = evaluation.run()
    save_figure(steps_figure(report, settings), given.out / "steps.png")
    print(given.out / "report.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
