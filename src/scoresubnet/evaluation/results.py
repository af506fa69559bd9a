"""What a report says: figures with their intervals, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from scoresubnet.evaluation.statistics.bootstrap import (
    Interval,
    Method,
    bootstrap_replicates,
    interval_from,
)
from scoresubnet.evaluation.statistics.shares import Share

Better = Literal["lower", "higher"]

RESAMPLES = 1000
SEED = 0  # of all resampling


@dataclass(frozen=True)
class Estimate:
    """A figure of one system.

    Attributes:
        value: None if there is none.
        count: clips that it is of.
        low: lower end of the 95 % interval, or None.
        high: upper end, or None.
        method: of the interval: "percentile" or "centred" bootstrap, or "wilson" of a share.
        why: there is no value or no interval.
    """

    value: float | None
    count: int
    low: float | None = None
    high: float | None = None
    method: str | None = None
    why: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


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
class Finding:
    """One metric of every system.

    Attributes:
        metric: which.
        systems: name of the system -> its figure.
    """

    metric: Metric
    systems: Mapping[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        found = {name: estimate.to_dict() for name, estimate in self.systems.items()}
        return {**asdict(self.metric), "systems": found}


@dataclass(frozen=True)
class Section:
    """What one judge found.

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


def from_interval(interval: Interval, count: int) -> Estimate:
    """A figure with its bootstrap interval."""
    return Estimate(interval.value, count, interval.low, interval.high, interval.method)


def from_share(right: int, total: int) -> Estimate:
    """A share with its Wilson interval, which also holds where all or none are right."""
    if not total:
        return absent("no clips")
    share = Share(right, total)
    return Estimate(share.value, total, *share.interval, "wilson")


def bootstrapped(
    statistic: Callable[..., float],
    *sets: ArrayLike,
    method: Method = "percentile",
    resamples: int = RESAMPLES,
) -> Estimate:
    """A statistic with its bootstrap interval, as far as both are finite.

    The count is that of the first set.
    """
    arrays = [np.asarray(items) for items in sets]
    count = len(arrays[0])
    value = plain(statistic(*arrays), count)
    if value.value is None:
        return value
    replicates = bootstrap_replicates(statistic, *arrays, stop=resamples, seed=SEED)
    if not np.isfinite(replicates).all():
        return plain(value.value, count, "no interval: some resampled values are infinite")
    return from_interval(interval_from(value.value, replicates, SEED, method=method), count)
