import numpy as np
import pytest

from scoresubnet.evaluation.statistics.intervals import wilson_interval
from scoresubnet.evaluation.statistics.neighbours import nearest
from scoresubnet.evaluation.statistics.novelty import Novelty


def points(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def novelty(generated, test, training) -> Novelty:
    return Novelty(nearest(generated, training), nearest(test, training))


def test_by_hand():
    """Training 0 and 10; test clips 1, 2, 3, 4 and 5 away; generated 0, 1.5 and 5 away."""
    training = np.array([[0.0], [10.0]])
    result = novelty([[1.5], [10.0], [5.0]], [[1], [8], [3], [14], [-5]], training)
    assert result.generated.distances.tolist() == [1.5, 0, 5]
    assert result.generated.indices.tolist() == [0, 1, 0]
    assert result.test.distances.tolist() == [1, 2, 3, 4, 5]
    assert result.threshold(0.25) == 2
    assert result.suspects(0.25).tolist() == [1, 0]  # nearest first
    assert result.suspects(1).tolist() == [1, 0, 2]


def test_an_exact_copy_is_flagged_among_new_samples():
    training, test, generated = points(300, 16, 0), points(200, 16, 1), points(100, 16, 2)
    new = novelty(generated, test, training)
    assert new.generated.distances.min() > 0
    low, high = wilson_interval(len(new.suspects(0.05)), 100)
    assert low < 0.05 < high
    generated[40] = training[123]
    result = novelty(generated, test, training)
    assert result.suspects(0.01)[0] == 40
    assert result.generated.indices[40] == 123
    assert (result.generated.distances == 0).sum() == 1


def test_a_copy_is_flagged_even_where_test_clips_are_in_the_training_set():
    training = points(20, 4, 0)
    result = novelty(training[[7]], training[:5], training)
    assert result.threshold(0.01) == 0
    assert result.suspects(0.01).tolist() == [0]


def test_near_copies_raise_the_share():
    training, test = points(300, 16, 0), points(200, 16, 1)
    copied = training[:100] + 0.01 * points(100, 16, 2)
    result = novelty(copied, test, training)
    assert len(result.suspects(0.01)) == 100
    assert result.generated.distances.min() > 0
    assert np.median(result.generated.distances) < 0.1 < np.median(result.test.distances)


def test_a_quantile_out_of_range_is_refused():
    x = points(5, 3, 0)
    with pytest.raises(ValueError, match=r"range \[0, 1\]"):
        novelty(x, x, x).suspects(5)
