import itertools
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from scoresubnet.evaluation.statistics.inception import (
    am_score,
    inception_score,
    modified_inception_score,
    wrong_axis_inception_score,
)

SCORES = [inception_score, wrong_axis_inception_score, modified_inception_score]


def random_rows(n: int, classes: int, seed: int) -> np.ndarray:
    return scipy.special.softmax(3 * np.random.default_rng(seed).normal(size=(n, classes)), axis=1)


def in_script_order(kept: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rows in such an order that the script's shuffle keeps the former half."""
    rows = np.concatenate([kept, others])
    ordered = np.empty_like(rows)
    ordered[np.random.RandomState(0).permutation(len(rows))] = rows
    return ordered


@pytest.mark.parametrize("score", SCORES)
def test_a_generator_of_one_sample_scores_one(score):
    assert score(np.tile([0.7, 0.2, 0.1], (20, 1))) == pytest.approx(1, rel=1e-12)


def test_inception_score_of_sure_and_even_predictions_is_the_number_of_classes():
    assert inception_score(np.tile(np.eye(5), (3, 1))) == pytest.approx(5, rel=1e-12)
    assert inception_score(np.eye(5)[[0, 0, 0, 0]]) == 1
    assert inception_score(np.eye(5)[[0, 1, 1, 0]]) == pytest.approx(2, rel=1e-12)


def test_inception_score_against_its_definition():
    p = random_rows(30, 4, 0)
    expected = np.exp(np.mean([scipy.stats.entropy(row, p.mean(0)) for row in p]))
    assert inception_score(p) == pytest.approx(expected, rel=1e-12)
    assert 1 < inception_score(p) < 4


@pytest.mark.parametrize("n", [40, 41])
def test_wrong_axis_score_does_the_arithmetic_of_the_script(n):
    """Halves of rows shuffled with seed 0; scipy's entropy over its default axis."""
    p = random_rows(n, 5, n) * [10, 1, 1, 1, 1]
    p /= p.sum(1, keepdims=True)
    shuffled = np.random.RandomState(0).permutation(p)
    kept, mean = shuffled[: n // 2], shuffled[n // 2 :].mean(0)
    expected = np.exp(scipy.stats.entropy(kept, np.tile(mean, (n // 2, 1))).mean())
    assert wrong_axis_inception_score(p) == pytest.approx(expected, rel=1e-12)
    assert abs(inception_score(p) / expected - 1) > 0.01


def test_wrong_axis_score_rewards_uneven_classes():
    """By hand: columns of 9 and of 1 of 10 samples, so exp((log 10/9 + log 10/1) / 2) = 10/3."""
    uneven = np.eye(2)[[0] * 9 + [1]]
    p = in_script_order(uneven, uneven)
    assert wrong_axis_inception_score(p) == pytest.approx(10 / 3, rel=1e-12)
    assert inception_score(p) == pytest.approx(10 / (9**0.9), rel=1e-12)  # 1.38
    even = np.eye(2)[[0, 1] * 5]
    assert wrong_axis_inception_score(in_script_order(even, even)) == pytest.approx(2, rel=1e-12)


def test_wrong_axis_score_rewards_collapse():
    """All samples are surely class 0; each other class is a trace in one of the 4 kept samples.

    By hand: column 0 is all but even, each other one is one sample of 4: 4^(2/3).
    """
    kept = np.zeros((4, 3))
    kept[[1, 2], [1, 2]] = 1e-9
    kept[:, 0] = 1 - kept.sum(1)
    p = in_script_order(kept, kept)
    assert wrong_axis_inception_score(p) == pytest.approx(4 ** (2 / 3), rel=1e-6)
    assert inception_score(p) == pytest.approx(1, abs=1e-7)


def test_wrong_axis_score_leaves_the_random_state_alone_and_is_nan_where_the_script_is():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    wrong_axis_inception_score(random_rows(10, 3, 0))
    assert np.random.random() == expected  # noqa: NPY002
    assert math.isnan(wrong_axis_inception_score(np.eye(3)[[0, 1, 0, 1]]))


def test_modified_inception_score_against_all_pairs():
    p = random_rows(12, 4, 1)
    pairs = [scipy.stats.entropy(a, b) for a, b in itertools.product(p, p)]
    assert modified_inception_score(p) == pytest.approx(np.exp(np.mean(pairs)), rel=1e-12)


def test_modified_inception_score_by_hand():
    """Of four pairs two have the divergence 0.8 log 0.8/0.2 + 0.2 log 0.2/0.8 = 0.6 log 4."""
    p = [[0.8, 0.2], [0.2, 0.8]]
    assert modified_inception_score(p) == pytest.approx(4**0.3, rel=1e-12)


def test_zero_probabilities_count_as_zero_or_as_infinitely_far():
    never = np.array([[0.8, 0.2, 0.0], [0.2, 0.8, 0.0]])
    assert modified_inception_score(never) == pytest.approx(4**0.3, rel=1e-12)
    assert modified_inception_score(np.eye(2)) == math.inf
    assert modified_inception_score([[1.0, 0.0], [1.0, 0.0]]) == 1
    huge = scipy.special.softmax([[0.0, 700.0], [700.0, 0.0]], axis=1)
    assert math.isfinite(modified_inception_score(huge[[0, 0, 1]]))


def test_am_score_by_hand():
    # KL([1/2, 1/2] || [3/4, 1/4]) = log(2/sqrt 3); entropies log 2 and 0
    p = [[0.5, 0.5], [1.0, 0.0]]
    expected = math.log(2 / math.sqrt(3)) + math.log(2) / 2
    assert am_score(p, [0.5, 0.5]) == pytest.approx(expected, rel=1e-12)


def test_am_score_of_the_ideal_and_of_a_missing_class():
    assert am_score(np.eye(4), np.full(4, 0.25)) == pytest.approx(0, abs=1e-12)
    assert am_score(np.eye(3)[[0, 1]], np.full(3, 1 / 3)) == math.inf
    assert am_score(np.eye(3)[[0, 1]], [0.5, 0.5, 0.0]) == pytest.approx(0, abs=1e-12)


def test_am_score_takes_the_divergence_from_the_training_side():
    p, training = random_rows(20, 4, 2), np.array([0.1, 0.2, 0.3, 0.4])
    expected = scipy.stats.entropy(training, p.mean(0)) + scipy.stats.entropy(p, axis=1).mean()
    assert am_score(p, training) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[2.0, -1.0], [0.5, 0.5]], "negative, down to -1"),
        ([[50.0, 50.0], [0.5, 0.5]], "one row sums to 100"),
        ([[0.5, np.nan], [0.5, 0.5]], "NaN or infinite in 1 of 2"),
        ([[0.5, 0.5]], "too few: 1"),
        ([0.5, 0.5], r"expected \(N, D\)"),
        ([[1.0], [1.0]], "of one class"),
    ],
)
def test_what_are_no_probabilities_is_refused(score, rows, message):
    with pytest.raises(ValueError, match=message):
        score(rows)


def test_a_wrong_training_distribution_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(2,\)"):
        am_score([[0.5, 0.5]], [0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match="training class shares do not sum to 1"):
        am_score([[0.5, 0.5]], [30, 70])


def test_float32_probabilities_pass():
    p = random_rows(50, 10, 3)
    assert inception_score(p.astype(np.float32)) == pytest.approx(inception_score(p), rel=1e-5)
