"""What the cells found, as tables and a figure."""

from __future__ import annotations

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
from scoresubnet.experiments.own_words.arms import (
    ACCEPTED,
    BOTH,
    GENERATED,
    PLAIN,
    PLAIN_GENERATED,
    RECORDINGS,
    SPOKEN,
)
from scoresubnet.experiments.own_words.cell import RESULT, read_result
from scoresubnet.experiments.own_words.judges import POCKETSPHINX, SPEECH_EMBEDDING
from scoresubnet.experiments.own_words.words import LANGUAGES
from scoresubnet.files import write_json, write_text
from scoresubnet.plots import save_figure

PAGE, RESULTS, FIGURE = "own-words.md", "own-words.json", "own-words.png"
DRAWN = (GENERATED, ACCEPTED, SPOKEN, BOTH)
"""Arms of the figure: those that add clips to augmented recordings."""
CLIPS = ("generated", "kept")
"""All that is generated, and what `expand` keeps of it."""
MOST_NEAR = 0.12
"""What `adapt` aims at; of clips by other speakers 0.05 are as near (a line of the figure)."""
Results = Sequence[dict[str, Any]]


def write_page(out: Path) -> list[Path]:
    """Write the tables, the results behind them, and a figure, of what there is.

    Raises:
        ValueError: there is nothing yet, or something damaged or in another format.
    """
    results = read_results(out)
    if not results:
        raise ValueError(f"{out}: nothing has been measured yet")
    write_json(out / RESULTS, results)
    write_text(out / PAGE, page_of(results))
    save_figure(figure_of(results), out / FIGURE)
    return [out / name for name in (PAGE, RESULTS, FIGURE)]


def read_results(out: Path) -> Results:
    """The results of all cells that are made.

    Raises:
        ValueError: one is damaged, or of another version.
    """
    return [read_result(path) for path in sorted((out / "cells").glob(f"*/{RESULT}"))]


def page_of(results: Results) -> str:
    """The tables, a language after the other."""
    parts = []
    for language in _languages(results):
        own = [result for result in results if result["language"] == language]
        parts += [f"## {language.capitalize()}\n", _heard(own), _spotters(own), _added(own)]
    return "\n".join(parts)


def _heard(results: Results) -> str:
    """Two rows for each number of recordings: all that is generated, and what `expand` keeps.

    The last row is of clips that espeak-ng speaks, which are not of any recordings.
    """
    judges = list(results[0]["heard"])
    head = [
        "recordings a word",
        "draws",
        "clips",
        *(f"heard, {judge}, of real" for judge in judges),
        "nearer than 5 % of real",
        "share that is kept",
    ]
    rows = []
    for count, own in _by_count(results).items():
        for name in CLIPS:
            shares = [_spread([_of_real(r, judge, name) for r in own]) for judge in judges]
            near = [_near(r, name) for r in own]
            draws = str(sum(share is not None for share in near))
            accepted = _spread([_accepted(r) for r in own]) if name == "kept" else ""
            rows.append([str(count), draws, name, *shares, _spread(near), accepted])
    sets = {r["seed"]: r for r in results}.values()  # they are the same for all numbers
    spoken = [_spread([_of_real(r, judge, "espeak") for r in sets]) for judge in judges]
    rows.append([DASH, str(len(sets)), "espeak-ng", *spoken, DASH, ""])
    return markdown_table([head, *rows])


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


def _accepted(result: dict[str, Any]) -> float:
    counts = result["accepted"].values()
    return sum(counts) / (len(counts) * result["sizes"]["made"])


def _spotters(results: Results) -> str:
    """A row for each arm, a column for each number of recordings."""
    groups = _by_count(results)
    rows = [["% right; recordings a word", *_draws(groups)]]
    for arm in results[0]["spotters"]:
        row = [arm]
        for own in groups.values():
            mean = statistics.mean(_right(own, arm))
            gain = "" if arm == RECORDINGS else f"; {difference(_gains(own, arm))}"
            row.append(f"{mean:.1f}{gain}")
        rows.append(row)
    return markdown_table(rows)


def _added(results: Results) -> str:
    """What augmentation, generated clips and both add to recordings as they are.

    Then what augmentation adds to generated clips; and generated clips beside those of espeak-ng,
    where all are augmented.
    """
    groups = _by_count(results)
    compared = {
        "augmentation": (RECORDINGS, PLAIN),
        "generated clips": (PLAIN_GENERATED, PLAIN),
        "both": (GENERATED, PLAIN),
        "augmentation where generated clips are there": (GENERATED, PLAIN_GENERATED),
        "augmentation more than generated clips": (RECORDINGS, PLAIN_GENERATED),
        "espeak more than generated clips": (SPOKEN, GENERATED),
        "generated clips where espeak is there": (BOTH, SPOKEN),
        "espeak where generated clips are there": (BOTH, GENERATED),
    }
    rows = [["points that are added; recordings a word", *_draws(groups)]]
    for name, (arm, other) in compared.items():
        rows.append([name, *(difference(_gains(own, arm, other)) for own in groups.values())])
    return markdown_table(rows)


def _draws(groups: dict[int, Results]) -> list[str]:
    """The head of a column for each number of recordings."""
    return [f"{n}, {len(own)} draw{'s' * (len(own) > 1)}" for n, own in groups.items()]


def _right(results: Results, arm: str) -> list[float]:
    """Per cent of the testing clips, draw by draw."""
    return [100 * result["spotters"][arm]["right"] for result in results]


def _gains(results: Results, arm: str, other: str = RECORDINGS) -> list[float]:
    """Points that an arm has more than another, draw by draw."""
    pairs = zip(_right(results, arm), _right(results, other), strict=True)
    return [value - without for value, without in pairs]


def difference(gains: Sequence[float]) -> str:
    """The mean of paired differences, and its 95 % interval (Student's t) if there are several."""
    mean, half = statistics.mean(gains), half_width(gains)
    if half is None:
        return f"{mean:+.1f}"
    return f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"


def half_width(values: Sequence[float]) -> float | None:
    """Of the 95 % interval of the mean (Student's t); None of a single value."""
    if len(values) < 2:
        return None
    error = statistics.stdev(values) / math.sqrt(len(values))
    return float(student.ppf(0.975, len(values) - 1)) * error


def _spread(values: Sequence[float | None]) -> str:
    """The mean, and the range if there are several."""
    known = [value for value in values if value is not None]
    if not known:
        return DASH
    text = f"{statistics.mean(known):.2f}"
    return text if len(known) < 2 else f"{text} ({min(known):.2f} to {max(known):.2f})"


def figure_of(results: Results) -> Figure:
    """A column of panels for each language: heard against copied, and what spotters gain."""
    languages = _languages(results)
    counts = list(_by_count(results))
    figure = Figure(figsize=(max(7, 5 * len(languages)), 9), layout="constrained")
    panels = figure.subplots(2, len(languages), squeeze=False, sharex="row", sharey="row")
    for (frontier, spotters), language in zip(panels.T, languages, strict=True):
        own = [result for result in results if result["language"] == language]
        frontier.set_title(language.capitalize())
        _draw_frontier(frontier, own, counts)
        _draw_gains(spotters, own)
    panels[0][0].set_ylabel("heard, as a share of what is heard of real recordings")
    panels[1][0].set_ylabel("points more right than of augmented recordings alone")
    points = _handles([f"{count} recordings" for count in counts], "none")
    figure.legend(handles=points, loc="outside upper center", ncols=4, fontsize="small")
    lines = _handles(DRAWN, "-")
    figure.legend(handles=lines, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _handles(names: Sequence[str], line: Literal["-", "none"]) -> list[Line2D]:
    """What a legend shows, in the order of the colours."""
    return [
        Line2D([], [], color=f"C{k}", marker="o", linestyle=line, label=name)
        for k, name in enumerate(names)
    ]


def _draw_frontier(axes: Axes, results: Results, counts: Sequence[int]) -> None:
    """Each draw of recordings as a point, and a ring of what `expand` keeps.

    To the left few copies, above well heard; by a judge that no network of ours is part of.
    """
    judge = POCKETSPHINX if POCKETSPHINX in results[0]["heard"] else SPEECH_EMBEDDING
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


def _draw_gains(axes: Axes, results: Results) -> None:
    """Means over draws with their intervals, side by side above each number of recordings."""
    groups = _by_count(results)
    for k, arm in enumerate(DRAWN):
        gains = [_gains(own, arm) for own in groups.values()]
        aside = 2 ** (0.06 * (k - (len(DRAWN) - 1) / 2))
        axes.errorbar(
            [count * aside for count in groups],
            [statistics.mean(values) for values in gains],
            [half_width(values) or 0.0 for values in gains],
            fmt="o-",
            color=f"C{k}",
            linewidth=1,
            markersize=4,
        )
    axes.axhline(0, color="0.6", linewidth=1)
    axes.set_xlabel("recordings a word")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(groups), [str(n) for n in groups])
    axes.minorticks_off()
    axes.grid(alpha=0.3)


def _languages(results: Results) -> list[str]:
    """Those of which there are results, in the order of `LANGUAGES`."""
    return [name for name in LANGUAGES if any(r["language"] == name for r in results)]


def _by_count(results: Results) -> dict[int, Results]:
    """The results of each number of recordings, the fewest first."""
    counts = sorted({result["recordings"] for result in results})
    return {n: [result for result in results if result["recordings"] == n] for n in counts}
