"""Shares of right answers, with their 95 % confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_Z = 1.959963984540054  # 97.5 % quantile of the standard normal


@dataclass(frozen=True)
class Share:
    """`right` of `total` answers.

    Raises:
        ValueError: there are no answers, or more right ones than answers.
    """

    right: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.right <= self.total or not self.total:
            raise ValueError(
                f"{self.right} of {self.total} is no share; need 0 <= right <= total >= 1"
            )

    @property
    def value(self) -> float:
        """right / total."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % score interval (Wilson 1927), within [0, 1]."""
        n, p = self.total, self.value
        centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    def to_dict(self) -> dict[str, float]:
        """Counts, share and interval, ready for JSON."""
        low, high = self.interval
        return {
            "right": self.right,
            "total": self.total,
            "share": self.value,
            "low": low,
            "high": high,
        }


def shares_by_label(labels: Sequence[str], right: Sequence[bool]) -> dict[str, Share]:
    """The share of each label, in the order in which the labels first appear.

    Args:
        labels: B labels.
        right: B answers.
    """
    answers: dict[str, list[bool]] = {}
    for label, answer in zip(labels, right, strict=True):
        answers.setdefault(label, []).append(answer)
    return {label: Share(sum(given), len(given)) for label, given in answers.items()}


def mean_share(by_label: Mapping[str, Share]) -> float:
    """The mean over labels, in which a label with few clips counts as much as one with many."""
    return sum(share.value for share in by_label.values()) / len(by_label)
