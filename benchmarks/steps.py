"""Quality against the number of network evaluations, for each solver, as a figure and JSON.

    python -m benchmarks.steps --data ../shared/data --out runs/steps

May be stopped and started again: clips are kept by their settings and seeds, scores by the clips.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jsonargparse import ArgumentParser
from jsonargparse.typing import NonNegativeFloat, NonNegativeInt, PositiveInt

from scoresubnet.sampling import SAMPLING_PRESETS, resolve_sampling

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from benchmarks.quality import Point

PANELS = {
    "right": "heard as asked for (pocketsphinx)",
    "distance": "Frechet distance to real clips",
    "mos": "DNSMOS overall",
}


def steps_figure(points: Sequence[Point], embedder: str) -> Figure:
    """A panel for each figure of quality; a line for each solver and guidance schedule.

    Bars are the 95 % intervals. Settings with a name are ringed.
    """
    from matplotlib.figure import Figure

    named = {setting: name for name, setting in SAMPLING_PRESETS.items()}

    figure = Figure(figsize=(12, 4.4), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for line in dict.fromkeys(map(_line, points)):
            mine = sorted(
                (point for point in points if _line(point) == line), key=lambda p: p.evaluations
            )
            values = [getattr(point, name) for point in mine]
            bars = [
                [max(0.0, v.value - v.low) for v in values],
                [max(0.0, v.high - v.value) for v in values],
            ]
            axes.errorbar(
                [point.evaluations for point in mine],
                [v.value for v in values],
                yerr=bars,
                marker="o",
                markersize=3,
                linewidth=1,
                capsize=2,
                label=", ".join(line),
            )
        for point in points:
            if point.sampling in named:
                place = (point.evaluations, getattr(point, name).value)
                axes.plot(*place, "o", markersize=9, fillstyle="none", color="black")
                axes.annotate(
                    named[point.sampling], place, xytext=(6, 6), textcoords="offset points"
                )
        axes.set(xscale="log", xlabel="network evaluations a clip", title=title)
        _in_plain_numbers(axes.xaxis)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    lines = figure.axes[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
    distances = figure.axes[1]
    distances.set(yscale="log", ylabel=embedder)
    _in_plain_numbers(distances.yaxis)
    return figure


def _in_plain_numbers(axis: Axis) -> None:
    """1, 2, 5, 10 and so on at a logarithmic axis."""
    from matplotlib.ticker import LogLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.minorticks_off()


def _line(point: Point) -> tuple[str, str]:
    return point.sampling.sampler, str(point.sampling.schedule)


def steps_table(points: Sequence[Point]) -> str:
    """Markdown, a line for each setting, with the 95 % intervals."""
    lines = [
        "| solver | guidance | steps | evaluations | clips "
        "| heard, % | Frechet distance | DNSMOS |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for point in points:
        setting, right = point.sampling, point.right
        share = f"{100 * right.value:.1f} ({100 * right.low:.1f} to {100 * right.high:.1f})"
        others = [
            f"{v.value:.2f} ({v.low:.2f} to {v.high:.2f})" for v in (point.distance, point.mos)
        ]
        lines += [
            f"| {setting.sampler} | {setting.schedule} | {setting.steps} | {point.evaluations} "
            f"| {point.clips} | {share} | {' | '.join(others)} |"
        ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m benchmarks.steps",
        description="Quality against network evaluations: steps.json, steps.md and steps.png.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the folder that holds speech_commands/")
    add("--out", type=Path, default=Path("runs/steps"), help="results, clips and scores")
    add("--weights", type=str, default="words18-small", help="shipped name, folder or file")
    add(
        "--embedding",
        type=Literal["evaluator", "speech"],
        default="evaluator",
        help="of the Frechet distance: our word evaluator, or the speech embedding",
    )
    add(
        "--preset-sampling",
        nargs="*",
        type=str,
        default=list(SAMPLING_PRESETS),
        help="settings with a name, measured as well",
    )
    add("--samplers", nargs="*", type=str | None, help="all if left out")
    add("--evaluations", nargs="+", type=PositiveInt, default=[5, 10, 20, 50, 100])
    add("--grid", type=str, default="uniform", help="of all settings")
    add("--guidance", type=NonNegativeFloat, default=3.0, help="gamma")
    add(
        "--schedules",
        nargs="+",
        type=str,
        default=["constant"],
        help="of the guidance, as in `scoresubnet generate`",
    )
    add("--count", type=PositiveInt, default=20, help="clips of each label")
    add("--seed", type=NonNegativeInt, default=0, help="the first one")
    given = parser.parse_args(arguments)

    from benchmarks.machine import machine
    from benchmarks.quality import generated_clips, measured, real_clips, settings_within
    from scoresubnet.data.sources.speech_commands import find_speech_commands
    from scoresubnet.evaluation.judges.base import Embedder
    from scoresubnet.evaluation.judges.fad import SpeechEmbedding
    from scoresubnet.evaluation.judges.intelligibility import WordRecogniser
    from scoresubnet.evaluation.judges.quality import DNSMOS
    from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
    from scoresubnet.evaluation.measures import Measure
    from scoresubnet.evaluation.reference import first_clips
    from scoresubnet.files import refuse_unwritable, write_json, write_text
    from scoresubnet.pipeline import SpeechGenerator
    from scoresubnet.plots import save_figure
    from scoresubnet.samplers import SAMPLERS
    from scoresubnet.weights import find_weights

    refuse_unwritable(given.out)
    generator = SpeechGenerator.from_pretrained(given.weights)
    generator.batch_size = len(generator.labels)  # those of a seed
    weights = hashlib.sha256(find_weights(given.weights).read_bytes()).hexdigest()
    samplers = list(SAMPLERS) if given.samplers is None else given.samplers
    named = [resolve_sampling(name) for name in given.preset_sampling]
    series = settings_within(
        given.evaluations, samplers, given.grid, given.guidance, given.schedules
    )
    settings = list(dict.fromkeys([*named, *series]))
    for setting in settings:
        generator.check([generator.labels[0]], [given.seed + given.count - 1], setting)
    recorded = find_speech_commands(given.data / "speech_commands", generator.labels)
    real = real_clips(first_clips(recorded, "testing", given.count))
    recogniser = WordRecogniser(generator.labels)
    embedder: Embedder = (
        WordEvaluator.from_pretrained() if given.embedding == "evaluator" else SpeechEmbedding()
    )
    dnsmos = DNSMOS()
    mos = Measure(
        "dnsmos", dnsmos.scores, dnsmos.settings, False, lambda original, audio: dnsmos(audio)
    )
    seeds = range(given.seed, given.seed + given.count)
    points = []
    for setting in settings:
        clips = generated_clips(generator, weights, setting, seeds, given.out)
        labels = list(generator.labels) * len(seeds)
        points.append(
            measured(setting, clips, labels, real, recogniser, embedder, mos, given.out / "scores")
        )
        record = {
            "machine": machine(),
            "weights": weights,
            "embedder": {"name": embedder.name, **embedder.settings},
            "real_clips": len(real),
            "points": [point.to_dict() for point in points],
        }
        write_json(given.out / "steps.json", record)
        write_text(given.out / "steps.md", steps_table(points) + "\n")
        save_figure(steps_figure(points, embedder.name), given.out / "steps.png")
    print(steps_table(points))
    return 0


if __name__ == "__main__":
    sys.exit(main())
