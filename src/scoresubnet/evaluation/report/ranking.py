"""The order of the reference rows, which is known beforehand, and metrics that get it wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scoresubnet.evaluation.results import Estimate, Finding
from scoresubnet.evaluation.systems import REFERENCES

EXPECTED = (
    ("real", "vocoded"),
    ("real", "noise"),
    ("real", "silence"),
    ("vocoded", "noise"),
    ("vocoded", "silence"),
)
"""Pairs of rows of which the first is no worse than the second."""


@dataclass(frozen=True)
class Misranked:
    """A pair of reference rows that a metric has the wrong way round.

    Attributes:
        key: of the metric.
        better: the row that should be no worse.
        worse: the row that the metric prefers.
        clear: whether their intervals do not overlap.
        text: a sentence.
    """

    key: str
    better: str
    worse: str
    clear: bool
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def misranked(findings: Sequence[Finding]) -> list[Misranked]:
    """The pairs of `EXPECTED` that are the wrong way round, of metrics that have a better way.

    Equal values are in order.
    """
    found = []
    for finding in findings:
        metric = finding.metric
        if metric.better is None:
            continue
        sign = 1 if metric.better == "higher" else -1
        for better, worse in EXPECTED:
            first, second = (finding.systems.get(name) for name in (better, worse))
            if first is None or second is None or first.value is None or second.value is None:
                continue
            if sign * first.value >= sign * second.value:
                continue
            clear = not _overlap(first, second)
            text = (
                f"{metric.text} ({metric.key}; {metric.better} is better) prefers "
                f"{REFERENCES[worse]}, {second.value:.{metric.digits}f}, to {REFERENCES[better]}, "
                f"{first.value:.{metric.digits}f}"
                f"{'' if clear else ', within their intervals'}"
            )
            found.append(Misranked(metric.key, better, worse, clear, text))
    return found


def _overlap(first: Estimate, second: Estimate) -> bool:
    a, b = _ends(first), _ends(second)
    return a[0] <= b[1] and b[0] <= a[1]


def _ends(estimate: Estimate) -> tuple[float, float]:
    """The interval, or the value twice."""
    value = estimate.value or 0.0
    low = value if estimate.low is None else estimate.low
    return low, value if estimate.high is None else estimate.high
