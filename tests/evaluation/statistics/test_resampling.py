import numpy as np
import pytest

from scoresubnet.evaluation.statistics.resampling import resampling_weights


@pytest.mark.parametrize("paired", [True, False])
def test_weights_are_counts_of_draws(paired):
    reference, systems = resampling_weights(7, [400, 400], paired, resamples=50, seed=0)
    assert reference.shape == (50, 7)
    assert (reference.sum(1) == 7).all()
    for weights in systems:
        assert (weights.sum(1) == 400).all()
        assert np.array_equal(weights, weights.round())
        # The share of items that are drawn is 1 - 1/e, each is drawn once on average.
        assert (weights > 0).mean() == pytest.approx(1 - np.exp(-1), abs=0.01)
        assert np.abs(weights.mean(0) - 1).max() < 5 / np.sqrt(50)
    assert np.array_equal(systems[0], systems[1]) is paired


def test_other_systems_and_later_replicates_change_nothing():
    reference, systems = resampling_weights(7, [5, 9], False, 20, 3)
    alone = resampling_weights(7, [5], False, 8, 3)
    assert np.array_equal(reference[:8], alone[0])
    assert np.array_equal(systems[0][:8], alone[1][0])
    assert not np.array_equal(reference[:8], resampling_weights(7, [5], False, 8, 4)[0])


def test_the_callers_random_state_is_left_alone():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    resampling_weights(7, [5], True, 3, 0)
    assert np.random.random() == expected  # noqa: NPY002
