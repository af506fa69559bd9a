"""What the cells found, as tables and a figure."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import t as student

from scoresubnet.evaluation.report.markdown import DASH, markdown_table
from scoresubnet.experiments.own_words.cell import FORMAT, RESULT
from scoresubnet.files import write_json, write_text
from scoresubnet.plots import save_figure

PAGE, RESULTS, FIGURE = "own-words.md", "own-words.json", "own-words.png"
ALONE = "recordings"
CLIPS = ("generated", "kept")
"""All that is generated, and what `expand` keeps of it."""
JUDGE = "pocketsphinx"
"""Of the figure, where it knows the words: no network of ours."""
MOST_NEAR = 0.12
"""What `adapt` aims at; of clips by other speakers 0.05 are as near (a line of the figure)."""


def write_page(out: Path) -> list[Path]:
    """Write the tables, the results behind them, and a figure, of what there is.

    Raises:
        ValueError: there is nothing yet, or something in another format.
    """
    paths = sorted((out / "cells").glob(f"*/{RESULT}"))
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    if not results:
        raise ValueError(f"{out}: nothing has been measured yet")
    for path, result in zip(paths, results, strict=True):
        if result.get("format") != FORMAT:
            raise ValueError(f"{path}: is of other format; delete it, and make that cell again")
    write_json(out / RESULTS, results)
    write_text(out / PAGE, page_of(results))
    save_figure(figure_of(results), out / FIGURE)
    return [out / name for name in (PAGE, RESULTS, FIGURE)]


def page_of(results: Sequence[dict[str, Any]]) -> str:
    """The tables, a language after the other."""
    parts = []
    for language in sorted({result["language"] for result in results}):
        own = [result for result in results if result["language"] == language]
        groups = {n: [r for r in own if r["recordings"] == n] for n in _counts(own)}
        parts += [f"## {language.capitalize()}\n", _heard(groups), _spotters(groups)]
    return "\n".join(parts)


def _heard(groups: dict[int, list[dict[str, Any]]]) -> str:
    """Two rows for each number of recordings: all that is generated, and what `expand` keeps."""
    judges = list(next(iter(groups.values()))[0]["heard"])
    head = [
        "recordings a word",
        "draws",
        "clips",
        *(f"heard, {judge}, of real" for judge in judges),
    ]
    rows = []
    for count, results in groups.items():
        for name in CLIPS:
            own = [[_of_real(r, judge, name) for r in results] for judge in judges]
            near = [_near(r, name) for r in results]
            draws = str(sum(share is not None for share in near))
            accepted = _spread([r["accepted"] for r in results]) if name == "kept" else ""
            shares = map(_spread, [*own, near])
            rows.append([str(count), draws, name, *shares, accepted])
    return markdown_table([[*head, "nearer than 5 % of real", "share that is kept"], *rows])


def _of_real(result: dict[str, Any], judge: str, name: str) -> float | None:
    """What a judge hears of some clips, as a share of what it hears of real ones of these words.

    None where there are no clips, or it hears none of the real ones.
    """
    heard = result["heard"][judge]
    pairs = [(own, heard["real"][word]) for word, own in heard[name].items() if own is not None]
    of_real = sum(real for _, real in pairs)
    return sum(own for own, _ in pairs) / of_real if of_real else None


def _near(result: dict[str, Any], name: str) -> float | None:
    """The share of near copies, words weighing alike."""
    known = [share for share in result["near"][name].values() if share is not None]
    return statistics.mean(known) if known else None


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


def _spread(values: Sequence[float | None]) -> str:
    """The mean, and the range if there are several."""
    known = [value for value in values if value is not None]
    if not known:
        return DASH
    text = f"{statistics.mean(known):.2f}"
    return text if len(known) < 2 else f"{text} ({min(known):.2f} to {max(known):.2f})"


def figure_of(results: Sequence[dict[str, Any]]) -> Figure:
    """A column of panels for each language: heard against copied, and spotters."""
    languages = sorted({result["language"] for result in results})
    counts, mixtures = _counts(results), list(results[0]["spotters"])
    figure = Figure(figsize=(5 * len(languages), 9), layout="constrained")
    panels = figure.subplots(2, len(languages), squeeze=False, sharey="row")
    for (frontier, spotters), language in zip(panels.T, languages, strict=True):
        own = [result for result in results if result["language"] == language]
        frontier.set_title(language)
        _draw_frontier(frontier, own, counts)
        _draw_spotters(spotters, own)
    panels[0][0].set_ylabel("heard, as a share of what is heard of real recordings")
    panels[1][0].set_ylabel("right, % of clips of other speakers")
    points = _handles([f"{count} recordings" for count in counts], "none")
    figure.legend(handles=points, loc="outside upper center", ncols=4, fontsize="small")
    lines = _handles(mixtures, "-")
    figure.legend(handles=lines, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _handles(names: Sequence[str], line: Literal["-", "none"]) -> list[Line2D]:
    """What a legend shows, in the order of the colours."""
    return [
        Line2D([], [], color=f"C{k}", marker="o", linestyle=line, label=name)
        for k, name in enumerate(names)
    ]


def _draw_frontier(axes: Axes, results: Sequence[dict[str, Any]], counts: Sequence[int]) -> None:
    """Each draw of recordings as a point, and a ring of what `expand` keeps.

    To the left few copies, above well heard.
    """
    judge = JUDGE if JUDGE in results[0]["heard"] else next(iter(results[0]["heard"]))
    for name, fill in zip(CLIPS, (None, "none"), strict=True):
        for k, count in enumerate(counts):
            own = [result for result in results if result["recordings"] == count]
            pairs = [(_near(r, name), _of_real(r, judge, name)) for r in own]
            there = [(100 * x, y) for x, y in pairs if x is not None and y is not None]
            if there:
                axes.plot(*zip(*there, strict=True), "o", color=f"C{k}", markerfacecolor=fill)
    axes.axvline(100 * MOST_NEAR, color="0.6", linewidth=1)
    axes.set_xlabel(
        f"% of clips nearer to a recording than 5 % of real ones are\n"
        f"(heard by {judge}; rings: what `expand` keeps)"
    )
    axes.grid(alpha=0.3)


def _draw_spotters(axes: Axes, results: Sequence[dict[str, Any]]) -> None:
    """The mean over draws of each mixture, against the number of recordings."""
    counts = _counts(results)
    for k, mixture in enumerate(results[0]["spotters"]):
        each = [
            [100 * r["spotters"][mixture]["right"] for r in results if r["recordings"] == n]
            for n in counts
        ]
        axes.plot(counts, [statistics.mean(values) for values in each], "o-", color=f"C{k}")
    axes.set_xlabel("recordings a word")
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(n) for n in counts])
    axes.grid(alpha=0.3)


def _counts(results: Sequence[dict[str, Any]]) -> list[int]:
    return sorted({result["recordings"] for result in results})
