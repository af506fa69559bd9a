import numpy as np
import pytest
from scipy.spatial.distance import cdist

from scoresubnet.evaluation.statistics.neighbours import nearest, squared_distance_blocks


def points(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("entries", [1, 37, 1 << 22])
@pytest.mark.parametrize("offset", [0, 1e6])
def test_blocks_against_differences(entries, offset):
    """Far from the origin, and for a pair much closer than the others."""
    queries, among = points(11, 5, 0) + offset, points(9, 5, 1) + offset
    queries[4] = among[2] + 1e-6
    found = np.empty((11, 9))
    for rows, squared in squared_distance_blocks(queries, among, entries):
        found[rows] = squared
    expected = cdist(queries, among, "sqeuclidean")
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_nearest_by_hand():
    found = nearest([[0.0, 0.0], [9.0, 1.0]], [[3.0, 4.0], [9.0, 0.0], [9.0, 2.0]])
    assert found.distances.tolist() == [5, 1]
    assert found.indices.tolist() == [0, 1]  # the first of two


def test_exact_copies_are_at_zero_among_close_points():
    among = points(1, 64, 0) * 1e4 + 1e-5 * points(500, 64, 1)
    found = nearest(among[[400, 3]], among)
    assert found.distances.tolist() == [0, 0]
    assert found.indices.tolist() == [400, 3]


def test_what_has_no_neighbour_is_refused():
    with pytest.raises(ValueError, match="points are too few: 0"):
        nearest([[1.0]], np.empty((0, 1)))
    with pytest.raises(ValueError, match="queries and points have 1 and 2 columns"):
        nearest([[1.0]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="queries are NaN"):
        nearest([[np.nan]], [[1.0]])
