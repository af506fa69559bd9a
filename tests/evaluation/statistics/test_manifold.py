from functools import partial

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from scoresubnet.evaluation.statistics import manifold
from scoresubnet.evaluation.statistics.manifold import manifold_scores
from scoresubnet.evaluation.statistics.neighbours import squared_distance_blocks


def points(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def precision_and_recall(real: np.ndarray, generated: np.ndarray) -> tuple[float, float]:
    inside, real_inside = manifold_scores(real, generated)
    return inside.mean(), real_inside.mean()


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("entries", [1, 100, 1 << 22])
def test_against_brute_force_in_blocks_of_any_size(k, entries, monkeypatch):
    blocks = partial(squared_distance_blocks, entries=entries)
    monkeypatch.setattr(manifold, "squared_distance_blocks", blocks)
    x, y = points(40, 3, 0), points(30, 3, 1) + np.array([2, 0, 0])
    x_radii, y_radii = (np.sort(cdist(z, z), axis=1)[:, k] for z in (x, y))  # 0 is itself
    scores = manifold_scores(x, y, k)
    assert scores.generated_inside.tolist() == (cdist(y, x) <= x_radii).any(1).tolist()
    assert scores.real_inside.tolist() == (cdist(x, y) <= y_radii).any(1).tolist()
    assert 0 < scores.generated_inside.mean() < 1
    assert 0 < scores.real_inside.mean() < 1


def test_identical_and_disjoint_sets():
    x = points(50, 4, 0)
    assert precision_and_recall(x, np.roll(x, 7, 0)) == (1, 1)
    assert precision_and_recall(x, x + 1e6) == (0, 0)
    same = np.full((10, 3), 0.1)  # one point many times
    assert precision_and_recall(same, same) == (1, 1)


def test_dropping_a_mode_costs_recall_alone():
    """Real: two clusters. Generated: one of them. And the other way round."""
    near, far = points(20, 2, 0), points(20, 2, 1) + 100
    real, generated = np.concatenate([near, far]), near
    assert precision_and_recall(real, generated) == (1, 0.5)
    assert manifold_scores(real, generated).real_inside.tolist() == [True] * 20 + [False] * 20
    assert precision_and_recall(generated, real) == (0.5, 1)
    swapped = manifold_scores(generated, real)
    assert swapped.generated_inside.tolist() == [True] * 20 + [False] * 20


def test_by_hand_on_a_line():
    """Real 0, 1, 3 with k = 1: radii 1, 1, 2. Generated 4, 6: radii 2, 2. Balls are closed."""
    scores = manifold_scores([[0.0], [1.0], [3.0]], [[4.0], [6.0]], k=1)
    assert scores.generated_inside.tolist() == [True, False]
    assert scores.real_inside.tolist() == [False, False, True]
    touching = manifold_scores([[0.0], [1.0], [3.0]], [[5.0], [5.1]], k=1)
    assert touching.generated_inside.tolist() == [True, False]


def test_far_from_the_origin_nothing_is_lost():
    x, y = points(30, 3, 0), points(30, 3, 1)
    moved = manifold_scores(x + 1e6, y + 1e6)
    for found, expected in zip(moved, manifold_scores(x, y), strict=True):
        assert found.tolist() == expected.tolist()


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="generated features are too few: 3; need at least 4"):
        manifold_scores(points(4, 2, 0), points(3, 2, 1))
    with pytest.raises(ValueError, match="k 0 is out"):
        manifold_scores(points(4, 2, 0), points(4, 2, 1), k=0)
    with pytest.raises(ValueError, match="columns"):
        manifold_scores(points(4, 2, 0), points(4, 3, 1))
