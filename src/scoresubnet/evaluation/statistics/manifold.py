"""Precision and recall, density and coverage: fidelity and diversity apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoresubnet.evaluation.statistics.checks import Floats, feature_rows, same_width
from scoresubnet.evaluation.statistics.neighbours import squared_distance_blocks

_SLACK = 1 + 1e-10  # so that rounding does not decide whether a point on a sphere is within it


@dataclass(frozen=True)
class ManifoldScores:
    """Per-item results; the scores are their means.

    For an interval, bootstrap these per-item values: resampled features would repeat points, whose
    nearest neighbour is then at distance 0.

    Attributes:
        k: which neighbour gives a ball its radius.
        generated_inside: whether each generated sample lies in some real ball, (M,).
        real_inside: whether each real sample lies in some generated ball, (N,).
        generated_density: the number of real balls around each generated sample / k, (M,).
        real_covered: whether each real ball holds a generated sample, (N,).
    """

    k: int
    generated_inside: NDArray[np.bool_]
    real_inside: NDArray[np.bool_]
    generated_density: Floats
    real_covered: NDArray[np.bool_]

    @property
    def precision(self) -> float:
        """Share of generated samples within the real manifold, in [0, 1]."""
        return float(self.generated_inside.mean())

    @property
    def recall(self) -> float:
        """Share of real samples within the generated manifold, in [0, 1]."""
        return float(self.real_inside.mean())

    @property
    def density(self) -> float:
        """As precision, but counting balls: outliers weigh less; it may exceed 1."""
        return float(self.generated_density.mean())

    @property
    def coverage(self) -> float:
        """Share of real balls that hold a generated sample, in [0, 1]."""
        return float(self.real_covered.mean())

    def to_dict(self) -> dict[str, float]:
        """k and the four scores, ready for JSON."""
        return {
            "k": self.k,
            "precision": self.precision,
            "recall": self.recall,
            "density": self.density,
            "coverage": self.coverage,
        }


def manifold_scores(real: ArrayLike, generated: ArrayLike, k: int = 3) -> ManifoldScores:
    """Where generated and real features lie in each other's manifolds.

    A manifold is the union of the closed balls around each sample that reach to its k-th nearest
    neighbour in its own set. Precision and recall: Kynkaanniemi et al. 2019, eqs. 1 and 2, with
    their k = 3. Density and coverage: Naeem et al. 2020, section 3, who use k = 5. All depend on
    the sizes of the sets: take N = M, and compare at the same sizes. Identical sets give precision,
    recall and coverage 1, and, unless distances tie, density (k + 1)/k.

    Memory holds one block of distances, not N x M.

    Args:
        real: (N, D) features, N > k.
        generated: (M, D) features, M > k.
        k: >= 1.

    Raises:
        ValueError: k < 1, or the features are not finite, too few, or of different widths.
    """
    if k < 1:
        raise ValueError(f"k is {k}; need at least 1")
    x = feature_rows(real, "real features", least=k + 1)
    y = feature_rows(generated, "generated features", least=k + 1)
    same_width(x, y, "real and generated features")
    x_radii, y_radii = _squared_radii(x, k), _squared_radii(y, k)
    inside = np.zeros(len(y), dtype=bool)
    density = np.empty(len(y))
    real_inside = np.zeros(len(x), dtype=bool)
    covered = np.zeros(len(x), dtype=bool)
    for rows, squared in squared_distance_blocks(y, x):
        in_real_ball = squared <= x_radii
        inside[rows] = in_real_ball.any(1)
        density[rows] = in_real_ball.sum(1) / k
        covered |= in_real_ball.any(0)
        real_inside |= (squared <= y_radii[rows, None]).any(0)
    return ManifoldScores(k, inside, real_inside, density, covered)


def _squared_radii(points: Floats, k: int) -> Floats:
    """The squared distance of each point to its k-th nearest other one, (N,)."""
    radii = np.empty(len(points))
    for rows, squared in squared_distance_blocks(points, points):
        own = np.arange(len(squared))
        squared[own, own + rows.start] = np.inf
        radii[rows] = np.partition(squared, k - 1, axis=1)[:, k - 1]
    scaled: Floats = radii * _SLACK
    return scaled
