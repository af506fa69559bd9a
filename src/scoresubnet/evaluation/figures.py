"""Pictures of results; nothing here touches matplotlib's global state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from scoresubnet.evaluation.accuracy import AccuracyAt
from scoresubnet.evaluation.files import replacing

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


def mel_grid(x: Tensor, titles: Sequence[str], seconds: float) -> Figure:
    """One panel per log-Mel: time to the right, frequency upwards.

    Args:
        x: scaled log-Mels (B, 1, F, T) in [-1, 1].
        titles: of the B panels.
        seconds: duration of T frames.
    """
    columns = math.ceil(math.sqrt(2 * len(titles)))
    rows = math.ceil(len(titles) / columns)
    size = (1.7 * columns + 0.6, 1.9 * rows + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    extent = (0.0, seconds, 0.0, float(x.shape[2]))
    for panel, image, title in zip(panels.flat, x[:, 0].numpy(), titles, strict=False):
        panel.imshow(
            image, origin="lower", aspect="auto", cmap="magma", vmin=-1, vmax=1, extent=extent
        )
        panel.set_title(title, fontsize=9)
    for panel in list(panels.flat)[len(titles) :]:
        panel.set_axis_off()
    figure.supxlabel("time (s)", fontsize=10)
    figure.supylabel("Mel band", fontsize=10)
    return figure


def save_figure(figure: Figure, path: Path, dpi: int = 150) -> None:
    """Write the figure in the format of the path's suffix."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi)
