"""Distances of log-Mels over small moves in time."""

import numpy as np
import pytest

from scoresubnet.expansion.nearest import SHIFT, log_mel_distances, near_threshold


def _random(count: int, frames: int = 20) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 4, frames)).astype(np.float32)


def test_against_the_definition() -> None:
    queries, points = _random(3), _random(5)
    found = log_mel_distances(queries, points)
    assert found.shape == (3, 5)
    for i, q in enumerate(queries.astype(np.float64)):
        for j, p in enumerate(points.astype(np.float64)):
            each = [np.sqrt(((q - p) ** 2).mean())]
            for k in range(1, SHIFT + 1):
                each.append(np.sqrt(((q[:, k:] - p[:, :-k]) ** 2).mean()))
                each.append(np.sqrt(((q[:, :-k] - p[:, k:]) ** 2).mean()))
            assert found[i, j] == pytest.approx(min(each), rel=1e-9)


def test_a_moved_copy_is_at_zero_up_to_five_frames() -> None:
    long = _random(1, 40)[0]
    query = long[:, 10:30]
    for move in range(-7, 8):
        point = long[:, 10 + move : 30 + move]
        distance = log_mel_distances(query[None], point[None]).item()
        assert (distance < 1e-6) == (abs(move) <= SHIFT)


def test_the_threshold_is_of_the_nearest_other() -> None:
    clips = np.zeros((4, 4, 20), np.float32)
    clips[:, :, :] = np.array([0.0, 1.0, 3.0, 7.0])[:, None, None]
    assert near_threshold(clips, share=0.0) == pytest.approx(1)
    assert near_threshold(clips, share=1.0) == pytest.approx(4)
    assert near_threshold(clips[:1]) == 0
