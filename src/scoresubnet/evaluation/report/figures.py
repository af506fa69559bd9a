"""The pictures of a report: log-Mels, confusions, and every metric against the reference rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.evaluation.report.assemble import Report
from scoresubnet.evaluation.report.markdown import ARROWS, wrongly_ranked
from scoresubnet.evaluation.systems import REFERENCES, System
from scoresubnet.plots import draw_mel

_INK, _PALE, _WARN = "#1f4e79", "#9aa5b1", "#b3541e"
_PANELS = 36
_COLUMNS = 6
_BARS = 4  # panels of bars side by side


def mel_grid(row: System, mel: MelSettings | None = None) -> Figure:
    """Log-Mels of the first 36 clips of a row, which are nearly even in labels."""
    settings = mel or MelSettings()
    front_end = LogMel(settings)
    count = min(len(row.clips), _PANELS)
    columns = min(count, _COLUMNS)
    lines = -(-count // columns)
    figure = Figure(figsize=(1.9 * columns, 1.7 * lines + 0.3), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for k, panel in enumerate(panels):
        panel.set_axis_off()
        if k < count:
            draw_mel(panel, front_end(row.clips[k])[0], settings)
            panel.set_title(row.labels[k] if row.labels else "", fontsize=9, parse_math=False)
    title = f"{row.title}: {count} of {len(row.clips)} clips"
    figure.suptitle(title, fontsize=9, parse_math=False)
    return figure


def confusion_figure(confusion: Mapping[str, Any], judge: str) -> Figure:
    """Shares of the words heard in each label's clips: a panel for each system."""
    systems = confusion["systems"]
    heard = confusion["heard"]
    lines = max(len(found["asked"]) for found in systems.values())
    width = (1.2 + 0.28 * len(heard)) * len(systems)
    figure = Figure(figsize=(max(4.0, width), 1.6 + 0.26 * lines), layout="constrained")
    panels = figure.subplots(1, len(systems), squeeze=False)[0]
    for panel, (name, found) in zip(panels, systems.items(), strict=True):
        counts = np.array(found["counts"], dtype=float)
        shares = counts / counts.sum(1, keepdims=True)
        image = panel.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        panel.set_xticks(range(len(heard)), heard, rotation=90, fontsize=7, parse_math=False)
        asked = found["asked"]
        panel.set_yticks(range(len(asked)), asked, fontsize=7, parse_math=False)
        panel.set_title(REFERENCES.get(name, name), parse_math=False)
        panel.set(xlabel=f"heard by {judge}", ylabel="should be")
    figure.colorbar(image, ax=panels, label="share of the label's clips", shrink=0.8)
    return figure


def bars_figure(report: Report) -> Figure | None:
    """Each metric as bars, a bar per system with its 95 % interval; None if nothing was measured.

    Systems that are evaluated stand out, and titles of metrics with a wrong order of references.
    """
    wrong = wrongly_ranked(report)
    sections = [s for name, s in report["sections"].items() if name != "classifier"]
    figures = [f for section in sections for f in section["figures"]]
    if not figures:
        return None
    names = list(report["systems"])
    columns = min(_BARS, len(figures))
    lines = -(-len(figures) // columns)
    figure = Figure(figsize=(1.2 + 2.9 * columns, 0.5 + 1.9 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False)
    for panel in panels.flat[len(figures) :]:
        panel.set_axis_off()
    for k, found in enumerate(figures):
        panel = panels.flat[k]
        _bars(panel, found, names, report["evaluated"])
        # Of a long name the part before the bracket.
        text = found["text"].split(" (")[0]
        section = found["key"].split("/")[0]
        title = f"{text}{ARROWS[found['better']]}\n{section}"
        panel.set_title(title, fontsize=8, color=_WARN if found["key"] in wrong else "black")
        titles = [REFERENCES.get(name, name) for name in names] if k % columns == 0 else []
        titles = titles or [""] * len(names)
        panel.set_yticks(range(len(names)), titles, fontsize=7, parse_math=False)
    return figure


def _bars(
    panel: Axes, found: Mapping[str, Any], names: Sequence[str], evaluated: Collection[str]
) -> None:
    for position, name in enumerate(names):
        estimate = found["systems"].get(name)
        if estimate is None or estimate["value"] is None:
            panel.text(0, position, " no figure", fontsize=6, va="center", color=_PALE)
            continue
        value = estimate["value"]
        panel.barh(position, value, color=_INK if name in evaluated else _PALE)
        if estimate["low"] is not None:
            ends = [estimate["low"], estimate["high"]]
            panel.plot(ends, [position, position], color="black", linewidth=1)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.tick_params(axis="x", labelsize=6)
    panel.spines[["top", "right"]].set_visible(False)


def accuracy_figure(section: Mapping[str, Any]) -> Figure:
    """Accuracy against noise time: each classifier with its 95 % interval, and chance."""
    times = section["details"]["times"]
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for name in section["figures"][0]["systems"]:
        found = [each["systems"][name] for each in section["figures"]]
        low, high = ([100 * each[end] for each in found] for end in ("low", "high"))
        (line,) = axes.plot(
            times, [100 * f["value"] for f in found], marker="o", markersize=4, label=name
        )
        axes.fill_between(times, low, high, alpha=0.25, linewidth=0, color=line.get_color())
    chance = 100 / len(section["details"]["words"])
    axes.axhline(chance, color=_WARN, linestyle="--", linewidth=1, label="chance")
    axes.set(xlabel="noise time t", ylabel="accuracy (%)", ylim=(0, 100), xlim=(0, max(times)))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    for text in axes.legend(frameon=False).get_texts():
        text.set_parse_math(False)
    return figure
