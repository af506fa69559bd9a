import math

import numpy as np
import pytest

from scoresubnet.evaluation.statistics.intervals import (
    bootstrap_replicates,
    centred_interval,
    jackknife_interval,
    percentile_interval,
    wilson_interval,
)


def test_percentile_interval_covers_a_known_mean_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        values = generator.normal(2, 3, size=60)
        replicates = bootstrap_replicates(np.mean, values, resamples=200, seed=trial)
        low, high = percentile_interval(replicates, level=0.9)
        covered += low <= 2 <= high
    # 270 expected, less some for finite samples; binomial standard deviation 5.
    assert 248 <= covered <= 285


def test_width_is_that_of_the_normal_theory():
    values = np.random.default_rng(1).normal(size=400)
    replicates = bootstrap_replicates(np.mean, values, resamples=2000)
    low, high = percentile_interval(replicates)
    half = 1.96 * values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_a_longer_run_begins_as_a_shorter_one_and_seeds_differ():
    values = np.arange(10.0)
    whole = bootstrap_replicates(np.mean, values, resamples=8, seed=3)
    assert bootstrap_replicates(np.mean, values, resamples=3, seed=3).tolist() == whole[:3].tolist()
    assert len(set(whole)) > 4
    assert bootstrap_replicates(np.mean, values, resamples=8, seed=4).tolist() != whole.tolist()


def test_the_callers_random_state_is_left_alone():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    bootstrap_replicates(np.mean, np.arange(5.0), resamples=3)
    assert np.random.random() == expected  # noqa: NPY002


def test_rows_stay_whole_and_sets_are_drawn_apart():
    rows = np.stack([np.arange(50.0), np.arange(50.0) * 2], axis=1)
    drawn = []

    def statistic(first, second):
        assert first.shape == (50, 2)
        assert second.shape == (7,)
        assert np.array_equal(first[:, 1], 2 * first[:, 0])
        assert len(np.unique(first[:, 0])) < 50  # with replacement
        drawn.append(first[:7, 0] - second)
        return 0.0

    bootstrap_replicates(statistic, rows, np.arange(7.0), resamples=5)
    assert any(np.abs(difference).max() > 0 for difference in drawn)


def test_percentile_and_centred():
    replicates = np.linspace(10, 20, 101)
    assert percentile_interval(replicates, level=0.8) == pytest.approx((11, 19))
    assert centred_interval(12, replicates, level=0.8) == pytest.approx((8, 16))


def test_jackknife_of_a_mean_is_the_interval_of_student():
    """With groups of one item, s / sqrt(n) is the textbook's; t of 9 degrees is 2.262."""
    values = np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    leave_out = [np.delete(values, k).mean() for k in range(10)]
    half = 2.262157 * values.std(ddof=1) / np.sqrt(10)
    expected = (values.mean() - half, values.mean() + half)
    assert jackknife_interval(values.mean(), leave_out) == pytest.approx(expected, rel=1e-6)


def test_jackknife_interval_covers_a_known_mean_as_often_as_it_says():
    values = np.random.default_rng(2).normal(2, 3, size=(1000, 60))
    groups = values.reshape(1000, 6, 10)
    leave_out = (values.sum(1)[:, None] - groups.sum(2)) / 50
    ends = [
        jackknife_interval(mean, row, 0.9)
        for mean, row in zip(values.mean(1), leave_out, strict=True)
    ]
    covered = sum(low <= 2 <= high for low, high in ends)
    assert 870 <= covered <= 930  # 900 expected, deviation 9.5; the normal's quantile gives 843


def test_wilson_interval_against_its_definition():
    """Its ends are the p at which the observed share is 1.96 standard errors away."""
    for right, total in [(1, 10), (27, 31), (500, 1000)]:
        low, high = wilson_interval(right, total)
        assert low < right / total < high
        for end in (low, high):
            distance = abs(right / total - end) / math.sqrt(end * (1 - end) / total)
            assert distance == pytest.approx(1.959964, abs=1e-5)


def test_wilson_interval_of_all_and_nothing_stays_within_the_range():
    # For 0 of n the upper end is z^2 / (n + z^2).
    low, high = wilson_interval(0, 10)
    assert low == 0
    assert high == pytest.approx(3.841459 / 13.841459, abs=1e-6)
    assert wilson_interval(10, 10) == pytest.approx((1 - high, 1))
    assert wilson_interval(10, 10)[1] <= 1


def test_what_gives_no_interval_is_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        percentile_interval([1, np.inf])
    with pytest.raises(ValueError, match="NaN or infinite"):
        jackknife_interval(1, [np.nan, 2])
    with pytest.raises(ValueError, match=r"shape \(1,\)"):
        centred_interval(1, [1])
    with pytest.raises(ValueError, match="level 95"):
        centred_interval(1, [1, 2], level=95)
    with pytest.raises(ValueError, match="empty or missing"):
        bootstrap_replicates(np.mean, [])
    with pytest.raises(ValueError, match="empty or missing"):
        bootstrap_replicates(np.mean)
    for right, total in [(0, 0), (3, 2), (-1, 2)]:
        with pytest.raises(ValueError, match="must"):
            wilson_interval(right, total)
