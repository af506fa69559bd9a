import json

import numpy as np
import pytest

from scoresubnet.evaluation.statistics.novelty import novelty


def points(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_by_hand():
    """Training 0 and 10; test clips 1, 2, 3, 4 and 5 away; generated 0, 1.5 and 5 away."""
    training = np.array([[0.0], [10.0]])
    result = novelty([[1.5], [10.0], [5.0]], [[1], [8], [3], [14], [-5]], training)
    assert result.generated.distances.tolist() == [1.5, 0, 5]
    assert result.generated.indices.tolist() == [0, 1, 0]
    assert result.test.distances.tolist() == [1, 2, 3, 4, 5]
    assert result.threshold(0.25) == 2
    assert result.suspects(0.25).tolist() == [1, 0]  # nearest first
    summary = result.summary([0.25, 1.0])
    assert (summary["median_generated"], summary["median_test"]) == (1.5, 3)
    assert (summary["generated"], summary["test"], summary["exact_copies"]) == (3, 5, 1)
    closer = summary["closer"]
    assert [entry["right"] for entry in closer] == [2, 3]
    assert closer[0]["quantile"] == 0.25
    assert closer[0]["threshold"] == 2
    assert closer[0]["share"] == pytest.approx(2 / 3)
    assert json.loads(json.dumps(summary)) == summary


def test_an_exact_copy_is_flagged_among_new_samples():
    training, test, generated = points(300, 16, 0), points(200, 16, 1), points(100, 16, 2)
    new = novelty(generated, test, training).summary()
    assert new["exact_copies"] == 0
    assert [entry["quantile"] for entry in new["closer"]] == [0.01, 0.05]
    assert new["closer"][1]["low"] < 0.05 < new["closer"][1]["high"]
    generated[40] = training[123]
    result = novelty(generated, test, training)
    assert result.suspects()[0] == 40
    assert result.generated.indices[40] == 123
    assert result.summary()["exact_copies"] == 1


def test_a_copy_is_flagged_even_where_test_clips_are_in_the_training_set():
    training = points(20, 4, 0)
    result = novelty(training[[7]], training[:5], training)
    assert result.threshold(0.01) == 0
    assert result.suspects().tolist() == [0]


def test_near_copies_raise_the_share():
    training, test = points(300, 16, 0), points(200, 16, 1)
    copied = training[:100] + 0.01 * points(100, 16, 2)
    summary = novelty(copied, test, training).summary()
    assert [entry["share"] for entry in summary["closer"]] == [1, 1]
    assert summary["exact_copies"] == 0
    assert summary["median_generated"] < 0.1 < summary["median_test"]


def test_what_cannot_be_compared_is_refused():
    x = points(5, 3, 0)
    with pytest.raises(ValueError, match="training embeddings are too few"):
        novelty(x, x, x[:0])
    with pytest.raises(ValueError, match="test embeddings are NaN"):
        novelty(x, x * np.inf, x)
    with pytest.raises(ValueError, match="columns"):
        novelty(x[:, :2], x, x)
    with pytest.raises(ValueError, match=r"range \[0, 1\]"):
        novelty(x, x, x).suspects(5)
