import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel
from torchmetrics.image.kid import poly_mmd

from scoresubnet.evaluation.statistics.intervals import percentile_interval
from scoresubnet.evaluation.statistics.kernel_distance import (
    kernel_distance,
    kernel_distance_replicates,
)
from scoresubnet.evaluation.statistics.resampling import resampling_weights


def features(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_by_hand():
    """D = 2: (x.x' / 2 + 1)^3 is 2^3 = 8; (y.y' / 2 + 1)^3 is 1, 27, 1 for three pairs."""
    x = [[1.0, 1.0], [2.0, 0.0]]
    y = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]]
    # Between: (0 + 1)^3, (1 + 1)^3, (2 + 1)^3 and (0 + 1)^3, (2 + 1)^3, (2 + 1)^3.
    expected = 8 + (1 + 1 + 27) / 3 - 2 * (1 + 8 + 27 + 1 + 27 + 27) / 6
    assert kernel_distance(x, y) == pytest.approx(expected, rel=1e-12)
    assert kernel_distance(y, x) == pytest.approx(expected, rel=1e-12)


def test_against_torchmetrics_and_scikit_learn():
    import torch

    x, y = features(40, 7, 0), features(40, 7, 1) + 0.3
    theirs = poly_mmd(torch.from_numpy(x), torch.from_numpy(y))
    assert kernel_distance(x, y) == pytest.approx(theirs.item(), rel=1e-10)
    y = y[:25]
    xx, yy, xy = (polynomial_kernel(a, b, degree=3) for a, b in [(x, x), (y, y), (x, y)])
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    assert kernel_distance(x, y) == pytest.approx(sum(within) - 2 * xy.mean(), rel=1e-10)


def test_no_bias_at_any_size():
    """Two sets of one Gaussian are at 0 on average, and 8 against 50 as far as 50 against 8."""
    distances = np.array(
        [kernel_distance(features(6, 5, k), features(9, 5, 10_000 + k)) for k in range(3000)]
    )
    error = distances.std() / np.sqrt(len(distances))
    assert abs(distances.mean()) < 3 * error
    assert (distances < 0).mean() > 0.3
    shifted = [
        np.array(
            [kernel_distance(features(n, 5, k), features(n, 5, 10_000 + k) + 1) for k in seeds]
        )
        for n, seeds in [(5, range(3000)), (50, range(200))]
    ]
    few, many = shifted
    error = np.hypot(few.std() / np.sqrt(len(few)), many.std() / np.sqrt(len(many)))
    assert abs(few.mean() - many.mean()) < 3 * error < 0.2 * many.mean()


@pytest.mark.parametrize("paired", [True, False])
def test_replicates_are_distances_of_resamples_without_pairs_of_an_item_with_itself(paired):
    x, systems = features(8, 3, 0), [features(6, 3, 1), features(6, 3, 2) + 1]
    found = kernel_distance_replicates(x, systems, paired, resamples=5, seed=3)
    assert found.shape == (5, 2)
    x_weights, weights = resampling_weights(8, [6, 6], paired, 5, 3)

    def drawn(counts):
        return np.repeat(np.arange(len(counts)), counts.astype(int))

    def within(items, rows):
        others = rows[:, None] != rows
        return polynomial_kernel(items[rows], degree=3)[others].mean()

    for r, s in np.ndindex(found.shape):
        i, j, y = drawn(x_weights[r]), drawn(weights[s][r]), systems[s]
        between = polynomial_kernel(x[i], y[j], degree=3).mean()
        expected = within(x, i) + within(y, j) - 2 * between
        assert found[r, s] == pytest.approx(expected, rel=1e-10)


def test_replicates_have_the_mean_of_the_distance():
    x, y = features(60, 4, 0), features(80, 4, 1) + 0.5
    replicates = kernel_distance_replicates(x, [y], paired=False)[:, 0]
    error = replicates.std() / np.sqrt(len(replicates))
    assert replicates.mean() == pytest.approx(kernel_distance(x, y), abs=4 * error)


def test_pairing_is_exact_for_equal_systems_and_narrows_a_difference_of_alike_ones():
    x, y = features(60, 4, 0), features(80, 4, 1) + 0.5
    same = kernel_distance_replicates(x, [y, y], paired=True, resamples=50)
    assert np.ptp(same[:, 0]) > 0
    assert np.array_equal(same[:, 0], same[:, 1])
    systems = [y, y + 0.05 * features(80, 4, 2)]
    widths = []
    for paired in (True, False):
        difference = np.subtract(*kernel_distance_replicates(x, systems, paired, 200).T)
        low, high = percentile_interval(difference)
        widths.append(high - low)
    assert widths[0] < 0.3 * widths[1]


def test_intervals_cover_the_distance():
    """Against the distance of very many; 95 of 100 expected, binomial deviation 2.2."""
    far = kernel_distance(features(4000, 4, 0), features(4000, 4, 1) + 0.5)
    covered = 0
    for trial in range(100):
        x, y = features(50, 4, 100 + trial), features(70, 4, 500 + trial) + 0.5
        low, high = percentile_interval(kernel_distance_replicates(x, [y], False, 200)[:, 0])
        covered += low <= far <= high
    assert covered >= 88


def test_sets_of_a_handful_have_replicates_that_are_no_number():
    x = features(2, 3, 0)
    replicates = kernel_distance_replicates(x, [features(9, 3, 1)], False, 20)
    assert 0 < np.isnan(replicates).sum() < 20
    with pytest.raises(ValueError, match="NaN or infinite"):
        percentile_interval(replicates[:, 0])


def test_what_cannot_be_compared_is_refused():
    x = features(5, 3, 0)
    with pytest.raises(ValueError, match="generated features are too few: 1"):
        kernel_distance(x, x[:1])
    with pytest.raises(ValueError, match="columns"):
        kernel_distance(x, x[:, :2])
    with pytest.raises(ValueError, match="systems have 5, 4 items"):
        kernel_distance_replicates(x, [x, x[:4]], paired=True)
    with pytest.raises(ValueError, match="systems have no items"):
        kernel_distance_replicates(x, [], paired=False)
