"""Euclidean distances between many points, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoresubnet.evaluation.statistics.checks import Floats, feature_rows, same_width

_ENTRIES = 1 << 22  # of one block: 32 MiB
_CLOSE = 1e-3  # of |a|^2 + |b|^2; below it |a|^2 + |b|^2 - 2ab has lost three digits or more


def squared_distance_blocks(
    queries: Floats, points: Floats, entries: int = _ENTRIES
) -> Iterator[tuple[slice, Floats]]:
    """|query - point|^2 for some rows of the queries after others.

    By one matrix product a block, and by the difference itself for pairs so close that the product
    would cancel: exact copies are at distance 0, and the others are right to about 1e-12.

    Args:
        queries: (M, D).
        points: (N, D).
        entries: of a block, about; a block has one row at least.

    Yields:
        The rows of the queries, and their squared distances (rows, N).
    """
    centre = points.mean(0)
    moved = points - centre
    norms = (moved**2).sum(1)
    step = max(1, entries // len(points))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        block = queries[rows] - centre
        scale = (block**2).sum(1)[:, None] + norms
        squared = scale - 2 * (block @ moved.T)
        _mend(squared, np.argwhere(squared <= _CLOSE * scale), queries[rows], points, entries)
        yield rows, squared


def _mend(
    squared: Floats, pairs: NDArray[np.int64], queries: Floats, points: Floats, entries: int
) -> None:
    step = max(1, entries // points.shape[1])
    for start in range(0, len(pairs), step):
        i, j = pairs[start : start + step].T
        squared[i, j] = ((queries[i] - points[j]) ** 2).sum(1)


@dataclass(frozen=True)
class Neighbours:
    """The nearest point to each of M queries.

    Attributes:
        distances: Euclidean, (M,), in units of the features.
        indices: rows of the points, (M,); the first of several that are as near.
    """

    distances: Floats
    indices: NDArray[np.int64]


def nearest(queries: ArrayLike, points: ArrayLike) -> Neighbours:
    """The nearest of the points to each query.

    Args:
        queries: (M, D), M >= 1.
        points: (N, D), N >= 1.

    Raises:
        ValueError: either is not finite, not of that shape, or their widths differ.
    """
    asked = feature_rows(queries, "queries")
    among = feature_rows(points, "points")
    same_width(asked, among, "queries and points")
    distances = np.empty(len(asked))
    indices = np.empty(len(asked), dtype=np.int64)
    for rows, squared in squared_distance_blocks(asked, among):
        indices[rows] = squared.argmin(1)
        distances[rows] = np.sqrt(squared.min(1))
    return Neighbours(distances, indices)
