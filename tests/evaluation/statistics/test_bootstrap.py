import numpy as np
import pytest

from scoresubnet.evaluation.statistics.bootstrap import (
    bootstrap_interval,
    bootstrap_replicates,
    interval_from,
)


def test_interval_covers_a_known_mean_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        interval = bootstrap_interval(
            np.mean, generator.normal(2, 3, size=60), resamples=200, seed=trial, level=0.9
        )
        covered += interval.low <= 2 <= interval.high
    # 270 expected, less some for finite samples; binomial standard deviation 5.
    assert 248 <= covered <= 285


def test_width_is_that_of_the_normal_theory():
    values = np.random.default_rng(1).normal(size=400)
    interval = bootstrap_interval(np.mean, values, resamples=2000)
    half = 1.96 * values.std() / np.sqrt(400)
    assert interval.value == values.mean()
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert abs(interval.bias) < 0.1 * half


def test_parts_join_to_the_unbroken_run_and_seeds_differ():
    values = np.arange(10.0)
    whole = bootstrap_replicates(np.mean, values, stop=8, seed=3)
    parts = [
        bootstrap_replicates(np.mean, values, start=a, stop=b, seed=3) for a, b in [(0, 3), (3, 8)]
    ]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert len(set(whole)) > 4
    assert bootstrap_replicates(np.mean, values, stop=8, seed=4).tolist() != whole.tolist()
    assert len(bootstrap_replicates(np.mean, values, start=8, stop=8)) == 0


def test_the_callers_random_state_is_left_alone():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    bootstrap_replicates(np.mean, np.arange(5.0), stop=3)
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

    bootstrap_replicates(statistic, rows, np.arange(7.0), stop=5)
    assert any(np.abs(difference).max() > 0 for difference in drawn)


def test_percentile_and_centred():
    replicates = np.linspace(10, 20, 101)
    plain = interval_from(12, replicates, seed=0, level=0.8)
    assert (plain.low, plain.high, plain.bias) == pytest.approx((11, 19, 3))
    centred = interval_from(12, replicates, seed=0, level=0.8, method="centred")
    assert (centred.low, centred.high, centred.bias) == pytest.approx((8, 16, 3))


def test_plain_values():
    values = interval_from(1, [0.5, 1.5], seed=7).to_dict()
    assert values["method"] == "percentile"
    assert (values["value"], values["level"], values["resamples"], values["seed"]) == (
        1,
        0.95,
        2,
        7,
    )


def test_what_gives_no_interval_is_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        interval_from(1, [1, np.inf], seed=0)
    with pytest.raises(ValueError, match="NaN or infinite"):
        interval_from(np.nan, [1, 2], seed=0)
    with pytest.raises(ValueError, match=r"shape \(1,\)"):
        interval_from(1, [1], seed=0)
    with pytest.raises(ValueError, match="level 95"):
        interval_from(1, [1, 2], seed=0, level=95)
    with pytest.raises(ValueError, match="unknown method 'bca'"):
        interval_from(1, [1, 2], seed=0, method="bca")
    with pytest.raises(ValueError, match="one item or more"):
        bootstrap_replicates(np.mean, [])
    with pytest.raises(ValueError, match="one set or more"):
        bootstrap_replicates(np.mean)
    with pytest.raises(ValueError, match="negative"):
        bootstrap_replicates(np.mean, [1.0], start=-1)
