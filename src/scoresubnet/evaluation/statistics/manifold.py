"""Precision and recall: fidelity and diversity apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoresubnet.evaluation.statistics.checks import Floats, feature_rows, same_width
from scoresubnet.evaluation.statistics.neighbours import squared_distance_blocks

_SLACK = 1 + 1e-10  # so that rounding does not decide whether a point on a sphere is within it


class ManifoldScores(NamedTuple):
    """Per-item results, of which precision and recall are the means.

    For an interval, take these per-item values: resampled features would repeat points, whose
    nearest neighbour is then at distance 0.

    Attributes:
        generated_inside: whether each generated sample lies in some real ball, (M,); the mean is
            the precision.
        real_inside: whether each real sample lies in some generated ball, (N,); the mean is the
            recall.
    """

    generated_inside: NDArray[np.bool_]
    real_inside: NDArray[np.bool_]


def manifold_scores(real: ArrayLike, generated: ArrayLike, k: int = 3) -> ManifoldScores:
    """Membership of generated and real features in each other's manifolds.

    A manifold is the union of the closed balls around each sample that reach to its k-th nearest
    neighbour in its own set (Kynkaanniemi et al. 2019, eqs. 1 and 2, with their k = 3). Precision
    and recall depend on the sizes of the sets: take N = M, and compare at the same sizes. Identical
    sets give 1 and 1.

    Memory holds one block of distances, not N x M.

    Args:
        real: (N, D) features, N > k.
        generated: (M, D) features, M > k.
        k: >= 1.

    Raises:
        ValueError: k < 1, or the features are not finite, too few, or of different widths.
    """
    if k < 1:
        raise ValueError(f"k {k} is out of range; it is at least 1")
    x = feature_rows(real, "real features", least=k + 1)
    y = feature_rows(generated, "generated features", least=k + 1)
    same_width(x, y, "real and generated features")
    x_radii, y_radii = _squared_radii(x, k), _squared_radii(y, k)
    generated_inside = np.zeros(len(y), dtype=bool)
    real_inside = np.zeros(len(x), dtype=bool)
    for rows, squared in squared_distance_blocks(y, x):
        generated_inside[rows] = (squared <= x_radii).any(1)
        real_inside |= (squared <= y_radii[rows, None]).any(0)
    return ManifoldScores(generated_inside, real_inside)


def _squared_radii(points: Floats, k: int) -> Floats:
    """The squared distance of each point to its k-th nearest other one, (N,), with some slack."""
    blocks = squared_distance_blocks(points, points)  # of which the 0-th nearest is the point
    radii = np.concatenate([np.partition(squared, k, axis=1)[:, k] for _, squared in blocks])
    return radii * _SLACK
