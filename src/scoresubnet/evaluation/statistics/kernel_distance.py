"""The kernel distance (KID) between two sets of features, which is unbiased at any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.resampling import (
    reference_and_systems,
    resampling_weights,
)


def kernel_distance(reference: ArrayLike, generated: ArrayLike) -> float:
    """The unbiased squared MMD with the kernel k(x, y) = (x.y / D + 1)^3.

    Gretton et al. 2012, eq. 3; Binkowski et al. 2018, section 4 (KID), here over all items and not
    over random subsets. Its expected value does not depend on N and M, and is 0 for sets of the
    same distribution; so it may come out negative.

    Args:
        reference: (N, D) features, N >= 2.
        generated: (M, D) features, M >= 2.

    Raises:
        ValueError: the features are not finite, too few, or of different widths.
    """
    x, [y] = reference_and_systems(reference, [generated], paired=False)
    return float(_weighted(x, [y], np.ones((1, len(x))), [np.ones((1, len(y)))])[0, 0])


def kernel_distance_replicates(
    reference: ArrayLike,
    systems: Sequence[ArrayLike],
    paired: bool,
    resamples: int = 1000,
    seed: int = 0,
) -> Floats:
    """Bootstrap replicates of the kernel distance of several systems from one reference.

    Items get weights, the number of times they are drawn; no pair of an item with itself counts, so
    that replicates are as unbiased as the distance. The reference is drawn alike for all systems,
    and with `paired` so are their items: differences of columns are replicates of the differences.
    Between sets of the same distribution, where the distance is a degenerate U-statistic, intervals
    come out too wide, by a factor of about 1.7; elsewhere they tend to their level.

    Args:
        reference: (N, D) features, N >= 2.
        systems: S sets (M_s, D), M_s >= 2.
        paired: item k of every system belongs together; then all M_s are the same.
        resamples: R.
        seed: of the resampling, >= 0.

    Returns:
        (R, S); NaN where one item alone was drawn, which happens to sets of a handful.

    Raises:
        ValueError: the features are not finite, too few, or of different widths, or paired systems
            differ in size.
    """
    x, rows = reference_and_systems(reference, systems, paired)
    return _weighted(
        x, rows, *resampling_weights(len(x), [len(y) for y in rows], paired, resamples, seed)
    )


def _weighted(
    x: Floats, systems: Sequence[Floats], x_weights: Floats, weights: Sequence[Floats]
) -> Floats:
    """The distances (R, S) under weights (R, N) and (R, M_s)."""
    within = _within(x, x_weights)
    columns = [
        within
        + _within(y, w)
        - 2 * _mean(x_weights @ _kernel(x, y), w, x_weights.sum(1) * w.sum(1))
        for y, w in zip(systems, weights, strict=True)
    ]
    return np.stack(columns, axis=1)


def _within(x: Floats, weights: Floats) -> Floats:
    """The mean kernel of the pairs of two different items."""
    kernel = _kernel(x, x)
    np.fill_diagonal(kernel, 0)
    pairs = weights.sum(1) ** 2 - (weights**2).sum(1)
    return _mean(weights @ kernel, weights, pairs)


def _mean(summed: Floats, weights: Floats, total: Floats) -> Floats:
    products: Floats = np.einsum("ri,ri->r", summed, weights)
    return np.divide(products, total, out=np.full(len(total), np.nan), where=total > 0)


def _kernel(x: Floats, y: Floats) -> Floats:
    base = x @ y.T / x.shape[1] + 1
    cube: Floats = base * base * base  # a power would take twenty times as long
    return cube
