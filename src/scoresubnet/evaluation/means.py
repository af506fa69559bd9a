"""Means over clips, with their 95 % confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
SEED = 0


@dataclass(frozen=True)
class Mean:
    """The mean of some clips.

    Attributes:
        value: the mean.
        low: lower end of the 95 % interval.
        high: its upper end.
        count: how many clips.
    """

    value: float
    low: float
    high: float
    count: int

    def to_dict(self) -> dict[str, float]:
        """Everything, ready for JSON."""
        return {"mean": self.value, "low": self.low, "high": self.high, "count": self.count}


def bootstrap_mean(values: Sequence[float], resamples: int = RESAMPLES, seed: int = SEED) -> Mean:
    """The mean and its percentile bootstrap interval (Efron & Tibshirani 1993, section 13.3).

    Clips are drawn as if they were independent; several of one speaker make it a little too narrow.

    Args:
        values: one per clip, at least one.
        resamples: how often as many clips are drawn, with replacement.
        seed: of the draws: the same clips are drawn for every system with as many values.

    Raises:
        ValueError: there are no values, or one is NaN or infinite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise ValueError("expected at least one finite value")
    rng = np.random.default_rng(seed)
    means = [x[rng.integers(len(x), size=len(x))].mean() for _ in range(resamples)]
    low, high = np.percentile(means, (2.5, 97.5))
    return Mean(float(x.mean()), float(low), float(high), len(x))
