"""How near a clip is to the nearest recording of its word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.evaluation.statistics.neighbours import squared_distance_blocks

SHIFT = 5
"""Frames by which two log-Mels are moved against each other, at most."""


def log_mel_distances(queries: NDArray[np.floating], points: NDArray[np.floating]) -> Floats:
    """Root mean square differences (M, N) of log-Mels (M, F, T) and (N, F, T).

    Over the frames that overlap, the smallest of all moves by up to `SHIFT` frames.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (queries, points))
    frames = a.shape[2]
    smallest = np.full((len(a), len(b)), np.inf)
    for shift in range(-SHIFT, SHIFT + 1):
        length = frames - abs(shift)
        left = a[:, :, max(0, shift) : max(0, shift) + length].reshape(len(a), -1)
        right = b[:, :, max(0, -shift) : max(0, -shift) + length].reshape(len(b), -1)
        for rows, squared in squared_distance_blocks(left, right):
            smallest[rows] = np.minimum(smallest[rows], squared / left.shape[1])
    return np.sqrt(smallest)


def copy_limits(
    log_mels: Mapping[str, NDArray[np.floating]], share: float = 0.05
) -> dict[str, float]:
    """How near to a recording of its word a clip may come before it counts as a copy.

    About so large a share of clips by others would be nearer than that. It is estimated from the
    distances of each word's recordings to one another, which are taken for log-normal, with a
    variance that all words share: a quantile of the few distances themselves would be too large,
    as each clip has as many chances to be near as there are recordings.

    Args:
        log_mels: word -> those of its recordings (N, F, T).
        share: of clips by others.

    Returns:
        word -> distance; 0 where too few recordings tell nothing.
    """
    logs, counts = {}, {}
    for word, own in log_mels.items():
        distances = _without_repeats(log_mel_distances(own, own))
        counts[word] = len(distances)
        logs[word] = np.log(distances[np.triu_indices(len(distances), 1)])
    spread = sum(float(((each - each.mean()) ** 2).sum()) for each in logs.values() if len(each))
    count = sum(max(len(each) - 1, 0) for each in logs.values())
    if not count:
        return dict.fromkeys(log_mels, 0.0)
    freedom = sum(counts.values()) - len(counts)  # pairs depend on one another
    limits = {}
    for word, each in logs.items():
        chance = 1 - (1 - share) ** (1 / counts[word])  # to be near to a certain recording
        quantile = float(scipy.stats.t.ppf(chance, freedom)) * np.sqrt(spread / count)
        limits[word] = float(np.exp(each.mean() + quantile)) if len(each) else 0.0
    return limits


def _without_repeats(distances: Floats) -> Floats:
    """Those of recordings that are not one of the others, louder or saved again."""
    limit = (
        np.median(distances[np.triu_indices(len(distances), 1)]) / 5 if len(distances) > 1 else 0
    )
    kept: list[int] = []
    for k, row in enumerate(distances):
        if all(row[kept] > limit):
            kept.append(k)
    return distances[np.ix_(kept, kept)]
