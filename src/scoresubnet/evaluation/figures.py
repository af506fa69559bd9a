"""Pictures of what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from scoresubnet.evaluation.accuracy import AccuracyAt

_INK, _PALE = "#1f4e79", "#9aa5b1"


def accuracy_figure(curve: Sequence[AccuracyAt], classes: int) -> Figure:
    """Accuracy against noise time: all clips with their 95 % interval, each word, and chance."""
    times = [point.time for point in curve]
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for label in curve[0].by_label:
        shares = [100 * point.by_label[label].value for point in curve]
        axes.plot(times, shares, color=_PALE, linewidth=0.6, alpha=0.7)
    axes.plot([], [], color=_PALE, linewidth=0.6, label="each word")
    overall = [point.overall for point in curve]
    low, high = ([100 * share.interval[end] for share in overall] for end in (0, 1))
    axes.fill_between(times, low, high, color=_INK, alpha=0.25, linewidth=0, label="95 % interval")
    values = [100 * share.value for share in overall]
    axes.plot(times, values, color=_INK, marker="o", markersize=4, label="all clips")
    axes.axhline(100 / classes, color="#b3541e", linestyle="--", linewidth=1, label="chance")
    axes.set(
        xlabel="noise time t",
        ylabel="accuracy (%)",
        ylim=(0, 100),
        xlim=(0, max(times)),
        title=f"Classifier on {overall[0].total:,} testing clips, {classes} words",
    )
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure
