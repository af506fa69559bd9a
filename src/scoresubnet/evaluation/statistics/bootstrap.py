"""Bootstrap intervals: how far a figure would move with other samples of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoresubnet.evaluation.statistics.checks import Floats

Method = Literal["percentile", "centred"]


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap interval.

    Attributes:
        value: the statistic of the samples themselves.
        low: lower end of the interval.
        high: upper end.
        level: nominal coverage, such as 0.95.
        bias: mean of the replicates minus the value.
        resamples: number of replicates.
        seed: of the resampling.
        method: "percentile" or "centred", see `interval_from`.
    """

    value: float
    low: float
    high: float
    level: float
    bias: float
    resamples: int
    seed: int
    method: Method

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return asdict(self)


def bootstrap_replicates(
    statistic: Callable[..., float],
    *sets: ArrayLike,
    start: int = 0,
    stop: int = 1000,
    seed: int = 0,
) -> Floats:
    """Values of a statistic on resampled sets (Efron 1979).

    Of each set as many items as it has are drawn with replacement, each set by itself; what belongs
    together goes in as columns of one set. Items count as independent. Replicate r depends on
    (seed, r) alone: parts computed apart, or after a break, join to the same as an unbroken run.

    Not for statistics that repeated items distort, such as distances to nearest neighbours: take
    the mean of their per-item values.

    Args:
        statistic: called with the resampled sets.
        sets: arrays (N_k, ...) of N_k >= 1 items.
        start: first replicate.
        stop: one past the last.
        seed: >= 0.

    Returns:
        (stop - start,) replicates; none if start >= stop.

    Raises:
        ValueError: there are no sets, one is empty, or start is negative.
    """
    arrays = [np.asarray(items) for items in sets]
    if not arrays or any(not items.ndim or not len(items) for items in arrays):
        raise ValueError("need one set or more, of one item or more each")
    if start < 0:
        raise ValueError(f"start {start} is negative")
    replicates = np.empty(max(0, stop - start))
    for position in range(len(replicates)):
        generator = np.random.default_rng([seed, start + position])
        drawn = [items[generator.integers(len(items), size=len(items))] for items in arrays]
        replicates[position] = statistic(*drawn)
    return replicates


def interval_from(
    value: float,
    replicates: Sequence[float] | NDArray[np.float64],
    seed: int,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """The interval that replicates give.

    "percentile" is the (1 - level)/2 and (1 + level)/2 quantiles of the replicates (Efron &
    Tibshirani 1993, ch. 13): for means, shares, and smooth functions of them such as IS, mIS, AM.
    "centred" shifts those by mean - value, so that they lie around the value: for statistics that
    resampling itself biases, such as the Frechet distance. It is then an interval for the expected
    value of the statistic at this sample size, not for its limit of many samples.

    Args:
        value: the statistic of the samples themselves.
        replicates: (R,) from `bootstrap_replicates`, R >= 2; 1,000 make the ends steady.
        seed: they came from, kept for the record.
        level: in (0, 1).
        method: "percentile" or "centred".

    Raises:
        ValueError: the level or the method is none, R < 2, or a number is not finite.
    """
    drawn = np.asarray(replicates, dtype=np.float64)
    if drawn.ndim != 1 or len(drawn) < 2:
        raise ValueError(f"replicates have the shape {drawn.shape}; expected (R,) with R >= 2")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is out of range; it lies in (0, 1)")
    if method not in ("percentile", "centred"):
        raise ValueError(f"unknown method {method!r}; known: percentile, centred")
    if not (np.isfinite(value) and np.isfinite(drawn).all()):
        raise ValueError("the value or a replicate is NaN or infinite; it has no interval")
    bias = float(drawn.mean() - value)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    shift = bias if method == "centred" else 0.0
    return Interval(
        value=float(value),
        low=float(low - shift),
        high=float(high - shift),
        level=level,
        bias=bias,
        resamples=len(drawn),
        seed=seed,
        method=method,
    )


def bootstrap_interval(
    statistic: Callable[..., float],
    *sets: ArrayLike,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """A statistic with its interval: `bootstrap_replicates`, then `interval_from`.

    Raises:
        ValueError: as those two do.
    """
    arrays = [np.asarray(items) for items in sets]
    replicates = bootstrap_replicates(statistic, *arrays, stop=resamples, seed=seed)
    return interval_from(statistic(*arrays), replicates, seed, level, method)
