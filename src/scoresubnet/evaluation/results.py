"""Measured values: a figure with its interval, unit and direction, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Metric:
    """A kind of figure.

    Attributes:
        key: "<section>/<name>".
        text: its name in tables, with the unit if it has one.
        better: which way is better; None if neither, and then its order is not checked.
        digits: after the point.
    """

    key: str
    text: str
    better: Better | None
    digits: int


@dataclass(frozen=True)
class Estimate:
    """A figure of one system, or the difference of two.

    Attributes:
        value: None if there is none.
        count: clips that it is of.
        low: lower end of the 95 % interval, or None.
        high: upper end, or None.
        method: of the interval: "percentile", "centred", "jackknife" or "wilson".
        why: there is no value or no interval, or what is missing of it.
    """

    value: float | None
    count: int
    low: float | None = None
    high: float | None = None
    method: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Finding:
    """One metric of every system.

    Attributes:
        metric: its name, unit and direction.
        systems: name of the system -> its figure.
        differences: "b - a" -> the figure of system b less that of a, on clips that both have.
    """

    metric: Metric
    systems: Mapping[str, Estimate]
    differences: Mapping[str, Estimate] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self.metric) | {
            "systems": {name: asdict(found) for name, found in self.systems.items()},
            "differences": {name: asdict(found) for name, found in self.differences.items()},
        }


@dataclass(frozen=True)
class Section:
    """The figures of one judge.

    Attributes:
        name: a key of `sections.SECTIONS`.
        title: a heading.
        findings: its figures.
        settings: all that they depend on besides the clips, ready for JSON.
        details: more, such as a confusion matrix, ready for JSON.
    """

    name: str
    title: str
    findings: Sequence[Finding]
    settings: Mapping[str, object]
    details: Mapping[str, Any] = field(default_factory=dict)


def absent(why: str, count: int = 0) -> Estimate:
    """No figure, and why."""
    return Estimate(None, count, why=why)


def plain(value: float, count: int, why: str | None = None) -> Estimate:
    """A figure without interval; what is infinite or not a number becomes None with a word why."""
    if math.isnan(value):
        return absent("not a number", count)
    if math.isinf(value):
        return absent("infinite", count)
    return Estimate(float(value), count, why=why)
