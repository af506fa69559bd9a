"""Intelligibility, and scores of waveforms, as figures and as Markdown tables.

In the tables of intelligibility `rows` maps "generated", "vocoded" (real, through log-Mel and
vocoder) and "untouched" (real) to what was heard; "generated" may be absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoresubnet.evaluation.judges.intelligibility import RecognitionResult
from scoresubnet.evaluation.measures import HEADINGS as SCORE_HEADINGS
from scoresubnet.evaluation.measures import Row
from scoresubnet.evaluation.statistics.bootstrap import Interval
from scoresubnet.evaluation.statistics.shares import Share, mean_share

Rows = Mapping[str, RecognitionResult]
HEADINGS = {
    "generated": "generated",
    "vocoded": "real, through log-Mel and vocoder",
    "untouched": "real, untouched",
}


def summary(result: RecognitionResult) -> dict[str, Any]:
    """The figures of one row, ready for JSON."""
    return {
        "overall": result.overall.to_dict(),
        "mean_over_labels": mean_share(result.by_label),
        "by_label": {label: share.to_dict() for label, share in result.by_label.items()},
    }


def ratio(rows: Rows) -> float:
    """Generated / vocoded, both as means over labels, since real clips are not as many of each.

    Raises:
        ZeroDivisionError: no vocoded clip was heard right.
    """
    return mean_share(rows["generated"].by_label) / mean_share(rows["vocoded"].by_label)


def intelligibility_table(words: Sequence[str], rows: Rows, training: Mapping[str, int]) -> str:
    """Markdown: a line per word, one of all clips, one of means, and the ratio if there is one.

    Args:
        words: the lines, in this order.
        rows: what was heard; every word has clips in each.
        training: word -> number of its training clips.
    """
    columns = [(HEADINGS[name], rows[name]) for name in HEADINGS if name in rows]
    by_label = [result.by_label for _, result in columns]
    overall = [result.overall for _, result in columns]
    lines = [
        ["word", *(heading for heading, _ in columns), "training clips"],
        ["---", *("---:" for _ in columns), "---:"],
        *([word, *(_percent(s[word]) for s in by_label), str(training[word])] for word in words),
        ["all clips", *map(_percent, overall), str(sum(training.values()))],
        ["95 % interval", *map(_interval, overall), ""],
        ["mean over words", *(f"{100 * mean_share(shares):.1f} %" for shares in by_label), ""],
    ]
    text = _markdown(lines)
    if "generated" in rows:
        text += f"\nGenerated / {HEADINGS['vocoded']} (means over words): {ratio(rows):.2f}\n"
    return text


def score_table(rows: Sequence[Row], total: int, speeds: Mapping[str, str] | None = None) -> str:
    """Markdown: a line per score with the mean and 95 % interval of each system, and its clips.

    Args:
        rows: of the same systems, at least one row.
        total: clips that were measured; a line with fewer says how many it is of.
        speeds: system -> what the last line says of it, seconds of audio a second; left out if
            None.
    """
    systems = list(rows[0].means)
    arrows = {"lower": "\u2193", "higher": "\u2191"}
    lines = [["", *systems, "clips"], ["---", *("---:" for _ in systems), "---:"]]
    for row in rows:
        heading = SCORE_HEADINGS[row.score]
        cells = [_mean(row.means[system], heading.digits) for system in systems]
        clips = str(total - len(row.left_out))
        lines.append([f"{heading.text} {arrows[heading.better]}", *cells, clips])
    if speeds is not None:
        cells = [speeds.get(system, "") for system in systems]
        lines.append([f"seconds of audio a second {arrows['higher']}", *cells, ""])
    return _markdown(lines)


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _mean(mean: Interval, digits: int) -> str:
    value, low, high = (f"{x:.{digits}f}" for x in (mean.value, mean.low, mean.high))
    return f"{value} ({low} to {high})"


def _percent(share: Share) -> str:
    return f"{100 * share.value:.0f} % ({share.right}/{share.total})"


def _interval(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
