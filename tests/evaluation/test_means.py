import numpy as np
import pytest

from scoresubnet.evaluation.means import bootstrap_mean


def test_interval_of_many_values_is_that_of_the_normal_law():
    x = np.random.default_rng(1).gamma(2.0, size=400)
    mean = bootstrap_mean(x.tolist())
    error = x.std() / np.sqrt(400)
    assert mean.value == pytest.approx(x.mean())
    assert mean.count == 400
    assert mean.high - mean.low == pytest.approx(2 * 1.96 * error, rel=0.05)
    assert (mean.low + mean.high) / 2 == pytest.approx(x.mean(), abs=0.1 * error)


def test_interval_of_two_values_is_known():
    """Half of the resamples are mixed; a quarter are all of one value, more than 2.5 %."""
    mean = bootstrap_mean([1.0, 3.0])
    assert (mean.value, mean.low, mean.high) == (2.0, 1.0, 3.0)
    one = bootstrap_mean([4.0])
    assert (one.value, one.low, one.high, one.count) == (4.0, 4.0, 4.0, 1)


def test_repeatable_and_the_same_clips_for_every_system():
    x = np.random.default_rng(2).standard_normal(50)
    a, b = bootstrap_mean(x.tolist()), bootstrap_mean((x + 1).tolist())
    assert bootstrap_mean(x.tolist()) == a
    assert (b.low - a.low, b.high - a.high) == pytest.approx((1, 1))
    assert bootstrap_mean(x.tolist(), seed=1) != a


def test_plain_values():
    assert bootstrap_mean([2.0]).to_dict() == {"mean": 2.0, "low": 2.0, "high": 2.0, "count": 1}


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_no_values_are_refused(values):
    with pytest.raises(ValueError, match="at least one finite value"):
        bootstrap_mean(values)
