"""Pictures of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.evaluation.accuracy import AccuracyAt
from scoresubnet.plots import draw_mel

_INK, _PALE = "#1f4e79", "#9aa5b1"
_EXCERPT = 0.03  # of a waveform, seconds: a few periods of a voice


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


def resynthesis_figure(
    systems: Mapping[str, Sequence[Audio]], titles: Sequence[str], mel: MelSettings
) -> Figure:
    """The same words from several systems: log-Mels, and under each 30 ms of the waveform.

    The excerpt is the loudest of the first system, at the same time and scale in the others.

    Args:
        systems: name -> one clip (N,) per word; a column each.
        titles: the words; a row each.
        mel: front end of the log-Mels, computed anew from the waveforms.
    """
    front_end = LogMel(mel)
    names = list(systems)
    figure = Figure(figsize=(0.6 + 2.9 * len(names), 3.1 * len(titles)), layout="constrained")
    panels = figure.subplots(2 * len(titles), len(names), height_ratios=(2, 1) * len(titles))
    panels = np.asarray(panels).reshape(2 * len(titles), len(names))
    length = round(_EXCERPT * mel.sample_rate)
    for row, title in enumerate(titles):
        start = _loudest(systems[names[0]][row], length)
        times = (start + np.arange(length)) / mel.sample_rate
        excerpts = [systems[name][row][start : start + length] for name in names]
        most = 1.1 * max(float(np.abs(excerpt).max(initial=1e-4)) for excerpt in excerpts)
        for column, name in enumerate(names):
            top, bottom = panels[2 * row : 2 * row + 2, column]
            image = draw_mel(top, front_end(torch.from_numpy(systems[name][row]))[0], mel)
            bottom.plot(times[: len(excerpts[column])], excerpts[column], color=_INK, linewidth=0.9)
            bottom.set(xlim=(times[0], times[-1]), ylim=(-most, most))
            bottom.grid(alpha=0.25)
            if column:
                top.tick_params(labelleft=False)
                bottom.tick_params(labelleft=False)
            else:
                top.set_ylabel(f"{title}\nMel band")
                bottom.set_ylabel("amplitude")
            if not row:
                top.set_title(name)
            if row == len(titles) - 1:
                bottom.set_xlabel("time in s")
    figure.colorbar(image, ax=panels, label="log magnitude, scaled", shrink=0.5)
    return figure


def _loudest(audio: Audio, length: int) -> int:
    """First sample of the window of greatest energy."""
    if len(audio) <= length:
        return 0
    energy = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    return int(np.argmax(energy[length:] - energy[:-length]))
