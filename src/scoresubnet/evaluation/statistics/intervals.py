"""Intervals: how far a figure would move with other samples of the same kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from scoresubnet.evaluation.statistics.checks import Floats


def bootstrap_replicates(
    statistic: Callable[..., float], *sets: ArrayLike, resamples: int = 1000, seed: int = 0
) -> Floats:
    """Values of a statistic on resampled sets (Efron 1979).

    Of each set as many items as it has are drawn with replacement, each set by itself; what belongs
    together goes in as columns of one set. Items count as independent. Replicate r depends on
    (seed, r) alone.

    Not for statistics that repeated items distort, such as distances to nearest neighbours: take
    the mean of their per-item values.

    Args:
        statistic: called with the resampled sets.
        sets: arrays (N_k, ...) of N_k >= 1 items.
        resamples: R >= 0.
        seed: at least 0.

    Returns:
        (R,) replicates.

    Raises:
        ValueError: there are no sets, or one is empty.
    """
    arrays = [np.asarray(items) for items in sets]
    if not arrays or any(not items.ndim or not len(items) for items in arrays):
        raise ValueError("a set to resample is empty or missing; give sets of one item or more")
    replicates = np.empty(resamples)
    for r in range(resamples):
        generator = np.random.default_rng([seed, r])
        drawn = [items[generator.integers(len(items), size=len(items))] for items in arrays]
        replicates[r] = statistic(*drawn)
    return replicates


def percentile_interval(replicates: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """The (1 - level)/2 and (1 + level)/2 quantiles (Efron & Tibshirani 1993, ch. 13).

    For means, shares, smooth functions of them such as IS, and statistics whose replicates are
    unbiased, such as `kernel_distance`.

    Args:
        replicates: (R,), R >= 2; 1,000 make the ends steady.
        level: nominal coverage, in (0, 1).

    Raises:
        ValueError: the level is out of range, R < 2, or a replicate is not finite.
    """
    drawn = _finite(replicates, level)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def centred_interval(
    value: float, replicates: ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """The percentile interval shifted so that the mean of the replicates is the value.

    For statistics that resampling itself biases, such as the Frechet distance. It is an interval
    for the expected value of the statistic at this sample size, not for its limit of many samples.

    Args:
        value: the statistic of the samples themselves.
        replicates: (R,), R >= 2.
        level: nominal coverage, in (0, 1).

    Raises:
        ValueError: as `percentile_interval` does.
    """
    low, high = percentile_interval(replicates, level)
    shift = value - float(np.asarray(replicates, dtype=np.float64).mean())
    return low + shift, high + shift


def jackknife_interval(
    value: float, leave_out: ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """The value, give or take Student's t times the grouped jackknife's standard error.

    Of G values without one group of items each, the squared standard error is (G - 1)/G times the
    sum of their squared deviations (Shao & Tu 1995, section 2.3); t has G - 1 degrees of freedom.

    Args:
        value: the statistic of all samples.
        leave_out: (G,), G >= 2.
        level: nominal coverage, in (0, 1).

    Raises:
        ValueError: as `percentile_interval` does.
    """
    values = _finite(leave_out, level)
    groups = len(values)
    error = np.sqrt((groups - 1) * values.var())
    half = float(stats.t.ppf((1 + level) / 2, groups - 1) * error)
    return value - half, value + half


def wilson_interval(right: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927), within [0, 1] also where all are right.

    Raises:
        ValueError: there are no answers, more right ones than answers, or the level is out of
            range.
    """
    interval = stats.binomtest(right, total).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def _finite(values: ArrayLike, level: float) -> Floats:
    drawn = np.asarray(values, dtype=np.float64)
    if drawn.ndim != 1 or len(drawn) < 2:
        raise ValueError(f"replicates have the shape {drawn.shape}; expected (R,) with R >= 2")
    if not np.isfinite(drawn).all():
        raise ValueError("a replicate is NaN or infinite; such a statistic has no interval")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is out of range; it lies in (0, 1)")
    return drawn
