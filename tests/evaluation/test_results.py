from __future__ import annotations

import json

import numpy as np
import pytest

from scoresubnet.evaluation.results import (
    Finding,
    Metric,
    absent,
    bootstrapped,
    from_share,
    plain,
)


def mean(x: np.ndarray) -> float:
    return float(np.mean(x))


def test_a_figure_with_its_interval() -> None:
    found = bootstrapped(mean, np.arange(100.0))
    assert (found.value, found.count, found.method) == (49.5, 100, "percentile")
    assert found.low is not None
    assert found.high is not None
    # The standard error of the mean is 2.9.
    assert found.low == pytest.approx(49.5 - 5.66, abs=0.6)
    assert found.high == pytest.approx(49.5 + 5.66, abs=0.6)


@pytest.mark.parametrize(("value", "why"), [(np.inf, "infinite"), (np.nan, "not a number")])
def test_what_json_cannot_say_becomes_none_with_a_word(value: float, why: str) -> None:
    for found in (plain(value, 3), bootstrapped(lambda x: value, np.zeros(3))):
        assert (found.value, found.why, found.count) == (None, why, 3)
    finding = Finding(Metric("a/b", "B", "lower", 2), {"generated": plain(value, 3)})
    json.dumps(finding.to_dict(), allow_nan=False)


def test_a_value_whose_replicates_are_infinite_has_no_interval() -> None:
    found = bootstrapped(lambda x: np.inf if len(set(x)) < 5 else 1.0, np.arange(5))
    assert (found.value, found.low) == (1.0, None)
    assert found.why is not None
    assert "no interval" in found.why


def test_a_share_of_all_still_has_an_interval() -> None:
    found = from_share(10, 10)
    assert found.value == 1
    assert found.low is not None
    assert 0.6 < found.low < 0.8
    assert from_share(0, 0) == absent("no clips")
