import math

import pytest

from scoresubnet.evaluation.statistics.shares import Share, mean_share, shares_by_label


def test_wilson_interval_against_its_definition():
    """Its ends are the p at which the observed share is 1.96 standard errors away."""
    for right, total in [(1, 10), (27, 31), (500, 1000)]:
        share = Share(right, total)
        low, high = share.interval
        assert low < share.value < high
        for end in (low, high):
            distance = abs(share.value - end) / math.sqrt(end * (1 - end) / total)
            assert distance == pytest.approx(1.959964, abs=1e-5)


def test_interval_of_all_and_nothing_stays_within_the_range():
    # For 0 of n the upper end is z^2 / (n + z^2).
    low, high = Share(0, 10).interval
    assert low == 0
    assert high == pytest.approx(3.841459 / 13.841459, abs=1e-6)
    assert Share(10, 10).interval == pytest.approx((1 - high, 1))
    assert Share(10, 10).interval[1] <= 1


@pytest.mark.parametrize(("right", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(right, total):
    with pytest.raises(ValueError, match=f"{right} of {total}"):
        Share(right, total)


def test_shares_by_label_keep_the_order_and_the_mean_ignores_counts():
    labels = ["b", "a", "b", "b", "b"]
    shares = shares_by_label(labels, [True, False, True, True, False])
    assert list(shares) == ["b", "a"]
    assert shares == {"b": Share(3, 4), "a": Share(0, 1)}
    assert mean_share(shares) == 0.375
    with pytest.raises(ValueError, match="zip"):
        shares_by_label(labels, [True])


def test_plain_values():
    values = Share(1, 4).to_dict()
    assert (values["right"], values["total"], values["share"]) == (1, 4, 0.25)
    assert (values["low"], values["high"]) == Share(1, 4).interval
