"""What the cells found, as tables and a figure."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from scipy.stats import t as student

from scoresubnet.evaluation.report.markdown import markdown_table
from scoresubnet.experiments.own_words.cell import RESULT
from scoresubnet.files import write_json, write_text
from scoresubnet.plots import save_figure

PAGE, RESULTS, FIGURE = "own-words.md", "own-words.json", "own-words.png"
ALONE = "recordings"


def write_page(out: Path) -> list[Path]:
    """Write the tables, the results behind them, and a figure, of what there is.

    Raises:
        ValueError: there is nothing yet.
    """
    paths = sorted((out / "cells").glob(f"*/{RESULT}"))
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    if not results:
        raise ValueError(f"{out}: nothing has been measured yet")
    write_json(out / RESULTS, results)
    write_text(out / PAGE, page_of(results))
    save_figure(_drawn(results), out / FIGURE)
    return [out / name for name in (PAGE, RESULTS, FIGURE)]


def page_of(results: Sequence[dict[str, Any]]) -> str:
    """The tables, a language after the other."""
    parts = []
    for language in sorted({result["language"] for result in results}):
        own = [result for result in results if result["language"] == language]
        counts = sorted({result["recordings"] for result in own})
        groups = {n: [result for result in own if result["recordings"] == n] for n in counts}
        parts += [f"## {language.capitalize()}\n", _heard(groups), _spotters(groups)]
    return "\n".join(parts)


def _heard(groups: dict[int, list[dict[str, Any]]]) -> str:
    judges = list(next(iter(groups.values()))[0]["heard"])
    head = ["recordings a word", "draws", *(f"heard, {judge}, of real" for judge in judges)]
    rows = []
    for count, results in groups.items():
        shares = [
            [r["heard"][judge]["generated"] / r["heard"][judge]["real"] for r in results]
            for judge in judges
        ]
        rest = [[r[key] for r in results] for key in ("near", "accepted")]
        rows.append([str(count), str(len(results)), *map(_spread, shares), *map(_spread, rest)])
    return markdown_table([[*head, "nearer than 5 % of real", "accepted"], *rows])


def _spotters(groups: dict[int, list[dict[str, Any]]]) -> str:
    mixtures = list(next(iter(groups.values()))[0]["spotters"])
    rows = []
    for count, results in groups.items():
        row = [str(count)]
        for mixture in mixtures:
            values = [100 * r["spotters"][mixture]["right"] for r in results]
            alone = [100 * r["spotters"][ALONE]["right"] for r in results]
            gains = [value - first for value, first in zip(values, alone, strict=True)]
            gain = "" if mixture == ALONE else f"; {difference(gains)}"
            row.append(f"{statistics.mean(values):.1f}{gain}")
        rows.append(row)
    return markdown_table([["recordings a word", *mixtures], *rows])


def difference(gains: Sequence[float]) -> str:
    """The mean of paired differences, and its 95 % interval (Student's t) if there are several."""
    mean = statistics.mean(gains)
    if len(gains) < 2:
        return f"{mean:+.1f}"
    error = statistics.stdev(gains) / math.sqrt(len(gains))
    half = float(student.ppf(0.975, len(gains) - 1)) * error
    return f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"


def _spread(values: Sequence[float]) -> str:
    text = f"{statistics.mean(values):.2f}"
    return text if len(values) < 2 else f"{text} ({min(values):.2f} to {max(values):.2f})"


def _drawn(results: Sequence[dict[str, Any]]) -> Figure:
    languages = sorted({result["language"] for result in results})
    figure = Figure(figsize=(5 * len(languages), 4), layout="constrained")
    panels = figure.subplots(1, len(languages), squeeze=False)[0]
    for axes, language in zip(panels, languages, strict=True):
        own = [result for result in results if result["language"] == language]
        counts = sorted({result["recordings"] for result in own})
        for mixture in own[0]["spotters"]:
            each = [
                [100 * r["spotters"][mixture]["right"] for r in own if r["recordings"] == n]
                for n in counts
            ]
            axes.plot(counts, [statistics.mean(values) for values in each], "o-", label=mixture)
        axes.set(title=language, xlabel="recordings a word")
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(n) for n in counts])
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("right, % of clips of other speakers")
    panels[-1].legend(fontsize="small")
    return figure
