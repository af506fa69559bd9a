import numpy as np
import pytest
import scipy.linalg

from scoresubnet.evaluation.statistics.bootstrap import bootstrap_replicates
from scoresubnet.evaluation.statistics.frechet import (
    frechet_distance,
    frechet_distance_of_moments,
    frechet_interval,
    frechet_replicates,
)


def features(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def random_psd(d: int, rank: int, seed: int) -> np.ndarray:
    root = features(d, rank, seed)
    return root @ root.T


def test_equal_gaussians_are_at_zero_and_shifted_ones_at_the_squared_shift():
    x = features(50, 4, 0)
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(x, x + shift) == pytest.approx(5.25, rel=1e-12)


def test_one_dimension_is_the_difference_of_means_and_of_standard_deviations():
    x, y = np.array([[0.0], [1.0], [5.0]]), np.array([[2.0], [10.0]])
    expected = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-12)


def test_commuting_covariances():
    """They share eigenvectors: tr is the sum of (sqrt(a) - sqrt(b))^2, also where one is 0."""
    basis, _ = np.linalg.qr(features(5, 5, 1))
    a, b = np.array([4.0, 1.0, 9.0, 0.0, 2.0]), np.array([1.0, 1.0, 4.0, 3.0, 0.0])
    distance = frechet_distance_of_moments(
        np.zeros(5), basis @ np.diag(a) @ basis.T, np.full(5, 2.0), basis @ np.diag(b) @ basis.T
    )
    assert distance == pytest.approx(20 + (1 + 0 + 1 + 3 + 2), rel=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_against_a_matrix_square_root(seed):
    covariance1, covariance2 = random_psd(6, 9, seed), random_psd(6, 9, seed + 10)
    mean1, mean2 = features(2, 6, seed)
    root = scipy.linalg.sqrtm(covariance1 @ covariance2).real
    expected = ((mean1 - mean2) ** 2).sum() + np.trace(covariance1 + covariance2 - 2 * root)
    found = frechet_distance_of_moments(mean1, covariance1, mean2, covariance2)
    assert found == pytest.approx(expected, rel=1e-9)


def test_features_and_their_moments_agree():
    x, y = features(40, 6, 0), 3 * features(30, 6, 1) + 1
    moments = [x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T)]
    assert frechet_distance(x, y) == pytest.approx(frechet_distance_of_moments(*moments), rel=1e-9)


def test_fewer_samples_than_dimensions():
    """In 50 dimensions two lines at right angles: their covariances multiply to zero."""
    x, y = np.zeros((3, 50)), np.zeros((4, 50))
    x[:, 0], y[:, 1] = [-1, 0, 1], [-3, -1, 1, 3]
    assert frechet_distance(x, y) == pytest.approx(1 + 20 / 3, rel=1e-12)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-12)
    moments = frechet_distance_of_moments(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    assert moments == pytest.approx(1 + 20 / 3, rel=1e-9)
    wide = features(10, 200, 2)
    assert frechet_distance(wide, wide[::-1]) == pytest.approx(0, abs=1e-9)


def test_rotation_order_and_sides_do_not_matter():
    x, y = features(30, 5, 0), 2 * features(20, 5, 1) + 1
    basis, _ = np.linalg.qr(features(5, 5, 2))
    distance = frechet_distance(x, y)
    assert frechet_distance(x @ basis, y @ basis) == pytest.approx(distance, rel=1e-10)
    assert frechet_distance(x[::-1], np.roll(y, 3, 0)) == pytest.approx(distance, rel=1e-10)
    assert frechet_distance(y, x) == pytest.approx(distance, rel=1e-10)


def test_float32_features_are_taken_as_float64():
    x = features(30, 3, 0).astype(np.float32) + np.float32(1000)
    assert frechet_distance(x, x + np.float32(1)) == pytest.approx(3, rel=1e-4)


def test_what_is_no_gaussian_is_refused():
    x = features(5, 3, 0)
    with pytest.raises(ValueError, match=r"columns"):
        frechet_distance(x, x[:, :2])
    with pytest.raises(ValueError, match="generated features are too few: 1"):
        frechet_distance(x, x[:1])
    with pytest.raises(ValueError, match=r"reference features are NaN or infinite in 1 of 5"):
        frechet_distance(np.where(np.arange(15).reshape(5, 3) == 4, np.nan, x), x)
    with pytest.raises(ValueError, match=r"expected \(N, D\)"):
        frechet_distance(x[0], x)
    eye, zero = np.eye(2), np.zeros(2)
    with pytest.raises(ValueError, match="not symmetric"):
        frechet_distance_of_moments(zero, [[1, 1], [0, 1]], zero, eye)
    with pytest.raises(ValueError, match="covariance 2 is not positive semi-definite"):
        frechet_distance_of_moments(zero, eye, zero, np.diag([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"mean 1 has the shape \(3,\)"):
        frechet_distance_of_moments(np.zeros(3), eye, zero, eye)


@pytest.mark.parametrize("both", [True, False])
def test_interval_is_centred_although_replicates_lie_higher(both):
    x, y = features(60, 12, 0), features(60, 12, 1)
    interval = frechet_interval(x, y, resamples=60, resample_reference=both)
    replicates = frechet_replicates(x, y, 0, 60, resample_reference=both)
    assert interval.value == frechet_distance(x, y)
    assert np.quantile(replicates, 0.05) > interval.value  # what the plain interval would miss
    assert interval.bias == pytest.approx(replicates.mean() - interval.value)
    assert 0 <= interval.low < interval.value < interval.high
    assert interval.high - interval.bias < interval.high < replicates.max()


def test_replicates_are_distances_of_resampled_sets_and_can_be_continued():
    x, y = features(20, 3, 0), features(25, 3, 1)
    whole = frechet_replicates(x, y, 0, 6, seed=4)
    assert whole == pytest.approx(bootstrap_replicates(frechet_distance, x, y, stop=6, seed=4))
    unbroken = frechet_interval(x, y, resamples=6, seed=4)
    assert frechet_interval(x, y, resamples=6, seed=4, done=whole[:4]) == unbroken


def test_interval_of_equal_sets_stays_above_zero():
    x = features(30, 2, 0)
    assert frechet_interval(x, x, resamples=40).low == 0
