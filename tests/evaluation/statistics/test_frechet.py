from unittest import mock

import numpy as np
import pytest
import scipy.linalg

from scoresubnet.evaluation.statistics.frechet import (
    frechet_distance,
    frechet_infinite,
    frechet_infinite_jackknife,
    frechet_replicates,
)
from scoresubnet.evaluation.statistics.intervals import centred_interval, jackknife_interval
from scoresubnet.evaluation.statistics.resampling import resampling_weights


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


def with_moments(mean: np.ndarray, covariance: np.ndarray, seed: int) -> np.ndarray:
    """40 rows with exactly this mean and covariance."""
    x = features(40, len(mean), seed)
    x -= x.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(x.T)), x.T).T
    values, vectors = np.linalg.eigh(covariance)
    return mean + white @ (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def test_commuting_covariances():
    """They share eigenvectors: tr is the sum of (sqrt(a) - sqrt(b))^2, also where one is 0."""
    basis, _ = np.linalg.qr(features(5, 5, 1))
    a, b = np.array([4.0, 1.0, 9.0, 0.0, 2.0]), np.array([1.0, 1.0, 4.0, 3.0, 0.0])
    x = with_moments(np.zeros(5), basis @ np.diag(a) @ basis.T, 2)
    y = with_moments(np.full(5, 2.0), basis @ np.diag(b) @ basis.T, 3)
    assert frechet_distance(x, y) == pytest.approx(20 + (1 + 0 + 1 + 3 + 2), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_against_a_matrix_square_root(seed):
    covariance1, covariance2 = random_psd(6, 9, seed), random_psd(6, 9, seed + 10)
    mean1, mean2 = features(2, 6, seed)
    root = scipy.linalg.sqrtm(covariance1 @ covariance2).real
    expected = ((mean1 - mean2) ** 2).sum() + np.trace(covariance1 + covariance2 - 2 * root)
    x, y = with_moments(mean1, covariance1, seed), with_moments(mean2, covariance2, seed + 1)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)


def test_fewer_samples_than_dimensions():
    """In 50 dimensions two lines at right angles: their covariances multiply to zero."""
    x, y = np.zeros((3, 50)), np.zeros((4, 50))
    x[:, 0], y[:, 1] = [-1, 0, 1], [-3, -1, 1, 3]
    assert frechet_distance(x, y) == pytest.approx(1 + 20 / 3, rel=1e-12)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-12)
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


@pytest.mark.parametrize("paired", [True, False])
def test_replicates_are_distances_of_resampled_sets(paired):
    """Of more rows than columns, and of fewer."""
    for n, d in [(20, 3), (9, 12)]:
        x, systems = features(n, d, 0), [features(n + 2, d, 1), features(n + 2, d, 2) + 1]
        found = frechet_replicates(x, systems, paired, resamples=4, seed=4)
        x_weights, weights = resampling_weights(n, [n + 2] * 2, paired, 4, 4)
        for r, s in np.ndindex(4, 2):
            drawn = [
                np.repeat(items, counts.astype(int), axis=0)
                for items, counts in [(x, x_weights[r]), (systems[s], weights[s][r])]
            ]
            assert found[r, s] == pytest.approx(frechet_distance(*drawn), rel=1e-9)


def test_interval_is_centred_although_replicates_lie_higher():
    x, y = features(60, 12, 0), features(60, 12, 1)
    value = frechet_distance(x, y)
    replicates = frechet_replicates(x, [y], paired=False, resamples=60)[:, 0]
    assert np.quantile(replicates, 0.05) > value  # what the plain interval would miss
    low, high = centred_interval(value, replicates)
    assert 0 < low < value < high < replicates.max()


def test_pairing_is_exact_for_equal_systems_and_narrows_a_difference_of_alike_ones():
    x, y = features(60, 4, 0), features(80, 4, 1) + 0.5
    same = frechet_replicates(x, [y, y], paired=True, resamples=20)
    assert np.ptp(same[:, 0]) > 0
    assert np.array_equal(same[:, 0], same[:, 1])
    same = frechet_infinite_jackknife(x, [y, y], paired=True)
    assert np.ptp(same[:, 0]) > 0
    assert np.array_equal(same[:, 0], same[:, 1])
    systems = [y, y + 0.05 * features(80, 4, 2)]
    for made in (frechet_replicates, frechet_infinite_jackknife):
        together, apart = (np.subtract(*made(x, systems, paired).T).std() for paired in (1, 0))
        assert together < 0.3 * apart


def two_gaussians(n: int, m: int, seed: int, far: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Two sets in 60 dimensions of falling variance, and the distance of their distributions."""
    deviations = 0.9 ** np.arange(60)
    x, y = features(n, 60, seed) * deviations, features(m, 60, seed + 1000) * deviations
    if not far:
        return x, y, 0.0
    y[:, 0] += 0.7
    return x, 1.3 * y, (1.3 * 0.7) ** 2 + 0.3**2 * (deviations**2).sum()


@pytest.mark.parametrize("far", [True, False])
@pytest.mark.parametrize(("n", "m"), [(200, 200), (150, 400)])
def test_distance_of_infinitely_many_against_the_known_one(far, n, m):
    """What bias is left is small beside that of the plain distance, at unequal sizes too."""
    found, plain, covered = [], [], 0
    for seed in range(60):
        x, y, truth = two_gaussians(n, m, seed, far)
        value = frechet_infinite(x, y)
        found.append(value - truth)
        plain.append(frechet_distance(x, y) - truth)
        if seed < 8:
            leave_out = frechet_infinite_jackknife(x, [y], paired=False)[:, 0]
            low, high = jackknife_interval(value, leave_out)
            covered += low <= truth <= high
    assert np.mean(plain) > 0.1
    assert abs(np.mean(found)) < 0.25 * np.mean(plain)
    assert covered >= 7


def test_extrapolation_is_exact_where_the_distance_is_a_line():
    """By a stand-in for the distance: of n and m items, 2 + 3/n + 5/m."""
    distance = "scoresubnet.evaluation.statistics.frechet._distance"
    gaussian = "scoresubnet.evaluation.statistics.frechet._gaussian"
    with (
        mock.patch(gaussian, lambda items: (len(items), None)),
        mock.patch(distance, lambda n, _, m, __: 2 + 3 / n + 5 / m),
    ):
        # All seven fractions of these are whole numbers of items.
        assert frechet_infinite(np.zeros((840, 2)), np.zeros((1680, 2))) == pytest.approx(2)


def test_seeds_and_the_callers_random_state():
    x, y, _ = two_gaussians(120, 130, 0, True)
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    assert frechet_infinite(x, y) == frechet_infinite(x, y, seed=0)
    assert frechet_infinite(x, y) != frechet_infinite(x, y, seed=1)
    first, second = (frechet_infinite_jackknife(x, [y], False, 5, seed) for seed in (0, 1))
    assert first.shape == (5, 1)
    assert not np.array_equal(first, second)
    assert np.random.random() == expected  # noqa: NPY002


def test_too_few_items_to_extrapolate_are_refused():
    x = features(60, 3, 0)
    with pytest.raises(ValueError, match="generated features are too few: 49; need at least 50"):
        frechet_infinite(x, x[:49])
    with pytest.raises(ValueError, match="groups 51"):
        frechet_infinite_jackknife(x, [x], True, groups=51)
    with pytest.raises(ValueError, match="systems have 60, 55 items"):
        frechet_infinite_jackknife(x, [x, x[:55]], paired=True)
