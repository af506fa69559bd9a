"""Intelligibility as figures and as a Markdown table.

`rows` maps "generated", "vocoded" (real, through log-Mel and vocoder) and "untouched" (real) to
what was heard; "generated" may be absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoresubnet.evaluation.intelligibility import RecognitionResult
from scoresubnet.evaluation.shares import Share, mean_share

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
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    if "generated" in rows:
        text += f"\nGenerated / {HEADINGS['vocoded']} (means over words): {ratio(rows):.2f}\n"
    return text


def _percent(share: Share) -> str:
    return f"{100 * share.value:.0f} % ({share.right}/{share.total})"


def _interval(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"
