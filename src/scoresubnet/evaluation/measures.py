"""From rows to figures: how a metric, its interval and its paired differences are computed.

A row is what a judge makes of one clip. All intervals are of 95 %. Where two systems have the same
clips (label and number), replicates draw the same ones in both, so that what they share cancels in
the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scoresubnet.evaluation.results import Estimate, Finding, Metric, absent, plain
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.frechet import (
    FEWEST,
    frechet_distance,
    frechet_infinite,
    frechet_infinite_jackknife,
    frechet_replicates,
)
from scoresubnet.evaluation.statistics.intervals import (
    bootstrap_replicates,
    centred_interval,
    jackknife_interval,
    percentile_interval,
    wilson_interval,
)
from scoresubnet.evaluation.statistics.kernel_distance import (
    kernel_distance,
    kernel_distance_replicates,
)
from scoresubnet.evaluation.systems import Systems

RESAMPLES, FRECHET_RESAMPLES, GROUPS = 1000, 100, 20
SEED = 0  # of all resampling

Interval = Callable[[float, Floats], tuple[float, float]]


@dataclass(frozen=True)
class Measure:
    """A figure of a set of rows.

    Attributes:
        metric: its name, unit and direction.
        value: rows (N, ...) -> the figure.
        replicates: (rows of S systems, whether they are the same clips) -> (R, S).
        interval: (value, replicates (R,)) -> its ends.
        method: name of the interval.
        least: fewest rows.
        share: rows are 0 or 1, and a single figure has Wilson's interval.
    """

    metric: Metric
    value: Callable[[Floats], float]
    replicates: Callable[[Sequence[Floats], bool], Floats]
    interval: Interval
    method: str
    least: int = 1
    share: bool = False

    def finding(
        self, rows: Mapping[str, Floats | str], systems: Systems, by_position: bool = False
    ) -> Finding:
        """The figure of every system, and its differences between those that are evaluated.

        Args:
            rows: system -> its rows, in the order of its clips, perhaps the first of them only;
                or why it has none.
            systems: tell which clips are the same.
            by_position: rows are of real clips, the same for every system.
        """
        single = {
            name: absent(found, len(systems.rows[name].clips))
            if isinstance(found, str)
            else self._single(found)
            for name, found in rows.items()
        }
        differences = {}
        for a, b in systems.pairs:
            mine, theirs = rows.get(b, ""), rows.get(a, "")
            if not isinstance(mine, str) and not isinstance(theirs, str):
                same = list(range(len(mine)))
                common = (same, same) if by_position else systems.common(a, b)
                differences[f"{b} - {a}"] = self._difference(mine, theirs, common)
        return Finding(self.metric, single, differences)

    def _single(self, rows: Floats) -> Estimate:
        kept = rows[_finite(rows)]
        if len(kept) < self.least:
            return absent(_too_few(self.least, len(rows)), len(kept))
        found = plain(self.value(kept), len(kept))
        if found.value is None:
            return found
        missing = len(rows) - len(kept)
        note = f"{missing} of {len(rows)} clips have no value" if missing else None
        if self.share:
            ends = wilson_interval(int(kept.sum()), len(kept))
            return Estimate(found.value, len(kept), *ends, "wilson", note)
        return self._with_interval(found, self.replicates([kept], False)[:, 0], note)

    def _difference(
        self, mine: Floats, theirs: Floats, common: tuple[Sequence[int], Sequence[int]] | None
    ) -> Estimate:
        if common is not None:
            pairs = [
                (k, j) for j, k in zip(*common, strict=True) if k < len(mine) and j < len(theirs)
            ]
            mine, theirs = mine[[k for k, _ in pairs]], theirs[[j for _, j in pairs]]
            both = _finite(mine) & _finite(theirs)
            mine, theirs = mine[both], theirs[both]
        else:
            mine, theirs = mine[_finite(mine)], theirs[_finite(theirs)]
        count = min(len(mine), len(theirs))
        if count < self.least:
            return absent(_too_few(self.least, count), count)
        found = plain(self.value(mine) - self.value(theirs), count)
        if found.value is None:
            return found
        drawn = self.replicates([mine, theirs], common is not None)
        return self._with_interval(found, drawn[:, 0] - drawn[:, 1], None)

    def _with_interval(self, found: Estimate, drawn: Floats, note: str | None) -> Estimate:
        assert found.value is not None
        if found.count < 2:
            return plain(found.value, found.count, "no interval: one clip")
        if not np.isfinite(drawn).all():
            why = "no interval: some resampled values are infinite"
            return plain(found.value, found.count, why)
        low, high = self.interval(found.value, drawn)
        return Estimate(found.value, found.count, low, high, self.method, note)


def mean_of(metric: Metric, share: bool = False) -> Measure:
    """The mean of one value a clip; clips that have none (NaN) are left out and counted."""
    return Measure(metric, _mean, _mean_replicates, _percentile, "percentile", share=share)


def statistic_of(
    metric: Metric,
    statistic: Callable[[Floats], float],
    method: str = "percentile",
    resamples: int = RESAMPLES,
    least: int = 1,
) -> Measure:
    """Any statistic of a set of rows.

    Args:
        metric: its name, unit and direction.
        statistic: rows (N, D) -> the figure.
        method: "percentile", or "centred" for statistics that repeated items bias.
        resamples: replicates.
        least: fewest rows.
    """

    def replicates(systems: Sequence[Floats], paired: bool) -> Floats:
        drawn = [  # equal sizes and seeds draw equal clips
            bootstrap_replicates(statistic, rows, resamples=resamples, seed=SEED + k * (not paired))
            for k, rows in enumerate(systems)
        ]
        return np.stack(drawn, axis=1)

    interval: Interval = _percentile if method == "percentile" else centred_interval
    return Measure(metric, statistic, replicates, interval, method, least)


def frechet_from(reference: Floats, metric: Metric) -> Measure:
    """The Frechet distance from the reference (N, D); give as many rows of every system."""
    draw = partial(frechet_replicates, reference, resamples=FRECHET_RESAMPLES, seed=SEED)

    def replicates(systems: Sequence[Floats], paired: bool) -> Floats:
        return draw(systems, paired)

    value = partial(frechet_distance, reference)
    return Measure(metric, value, replicates, _not_negative, "centred", least=2)


def frechet_infinite_from(reference: Floats, metric: Metric) -> Measure:
    """The Frechet distance from the reference (N, D), extrapolated to infinitely many clips."""

    def replicates(systems: Sequence[Floats], paired: bool) -> Floats:
        return frechet_infinite_jackknife(reference, systems, paired, GROUPS, SEED)

    value = partial(frechet_infinite, reference, seed=SEED)
    return Measure(metric, value, replicates, jackknife_interval, "jackknife", least=FEWEST)


def kernel_distance_from(reference: Floats, metric: Metric) -> Measure:
    """The unbiased kernel distance from the reference (N, D), in thousandths.

    Features are divided by the root mean square of those of the reference, so that the kernel sees
    numbers of about 1, whatever the scale of the embedding.
    """
    scale = float(np.sqrt(np.square(reference).mean())) or 1.0
    scaled = reference / scale

    def value(rows: Floats) -> float:
        return 1e3 * kernel_distance(scaled, rows / scale)

    def replicates(systems: Sequence[Floats], paired: bool) -> Floats:
        rows = [row / scale for row in systems]
        return 1e3 * kernel_distance_replicates(scaled, rows, paired, RESAMPLES, SEED)

    return Measure(metric, value, replicates, _percentile, "percentile", least=3)


def _not_negative(value: float, replicates: Floats) -> tuple[float, float]:
    """The centred interval of a distance, or of a difference of two, which may be negative."""
    low, high = centred_interval(value, replicates)
    return (max(0.0, low) if (replicates >= 0).all() else low), high


def _mean(rows: Floats) -> float:
    return float(rows.mean())


def _mean_replicates(systems: Sequence[Floats], paired: bool) -> Floats:
    found = np.empty((RESAMPLES, len(systems)))
    for k, rows in enumerate(systems):
        generator = np.random.default_rng(SEED + k * (not paired))
        for r in range(RESAMPLES):
            found[r, k] = rows[generator.integers(len(rows), size=len(rows))].mean()
    return found


def _percentile(value: float, replicates: Floats) -> tuple[float, float]:
    return percentile_interval(replicates)


def _finite(rows: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(rows.reshape(len(rows), -1)).all(1))


def _too_few(least: int, count: int) -> str:
    return f"needs {least} clips, not {count}" if least > 1 else "no clip has a value"
