"""How near a clip is to the nearest recording of its word."""

from __future__ import annotations

import numpy as np
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


def near_threshold(log_mels: NDArray[np.floating], share: float = 0.05) -> float:
    """The distance that so many of the recordings (N, F, T) of a word have to their nearest other.

    Returns:
        The quantile; 0 of a single recording.
    """
    if len(log_mels) < 2:
        return 0.0
    distances = log_mel_distances(log_mels, log_mels)
    np.fill_diagonal(distances, np.inf)
    return float(np.quantile(distances.min(1), share))
