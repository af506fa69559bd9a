import itertools

import numpy as np
import pytest
import torch

from scoresubnet.training.steps import PURPOSES, StepBatches, balanced_weights, step_generator


def draw(*arguments: object) -> list[float]:
    return torch.rand(4, generator=step_generator(*arguments)).tolist()  # type: ignore[arg-type]


def test_generator_of_a_step_is_its_own() -> None:
    """Seed, purpose and step each make another stream, and the same three the same one."""
    keys = list(itertools.product((0, 1, 2), PURPOSES, (0, 1, 2, 1000)))
    streams = {key: tuple(draw(*key)) for key in keys}
    assert len(set(streams.values())) == len(keys)
    assert all(tuple(draw(*key)) == stream for key, stream in streams.items())
    with pytest.raises(KeyError):
        step_generator(0, "noises", 0)


def test_generator_leaves_the_global_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    draw(0, "batch", 0)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("balance", "shares"),
    [(0.0, (0.1, 0.2, 0.7)), (1.0, (1 / 3, 1 / 3, 1 / 3)), (0.5, (0.1976, 0.2795, 0.5229))],
)
def test_groups_are_drawn_by_a_power_of_their_size(
    balance: float, shares: tuple[float, float, float]
) -> None:
    """Groups of 10, 20 and 70 rows, in any order: n^(1 - balance), here by hand."""
    groups = np.random.default_rng(0).permutation(np.repeat([5, 0, 9], [10, 20, 70]))
    weights = balanced_weights(groups, balance)
    assert weights.dtype == torch.float64
    for group, share in zip((5, 0, 9), shares, strict=True):
        of_group = weights[torch.from_numpy(groups == group)]
        assert (of_group == of_group[0]).all()
        assert float(of_group.sum() / weights.sum()) == pytest.approx(share, abs=1e-4)


ROWS = np.array([3, 5, 8, 13, 21])
WEIGHTS = torch.tensor([1.0, 1.0, 2.0, 4.0, 0.0], dtype=torch.float64)


def batches(count: int, first_step: int = 0, seed: int = 0) -> list[list[int]]:
    sampler = StepBatches(ROWS, WEIGHTS, 6, seed, first_step)
    return list(itertools.islice(sampler, count))


def test_batch_of_a_step_does_not_depend_on_where_the_run_starts() -> None:
    straight = batches(10)
    assert len({tuple(batch) for batch in straight}) == 10
    for first_step in (1, 4, 9):
        assert batches(10 - first_step, first_step) == straight[first_step:]


def test_iterating_again_starts_again() -> None:
    sampler = StepBatches(ROWS, WEIGHTS, 6, 0, first_step=3)
    assert list(itertools.islice(sampler, 3)) == list(itertools.islice(sampler, 3))


def test_the_seed_changes_the_batches() -> None:
    assert batches(3, seed=0) != batches(3, seed=1)


def test_rows_are_drawn_with_replacement_by_weight() -> None:
    drawn = np.array(batches(2000)).flatten()
    counts = {row: float((drawn == row).mean()) for row in ROWS}
    expected = {3: 1 / 8, 5: 1 / 8, 8: 2 / 8, 13: 4 / 8, 21: 0.0}
    assert counts == pytest.approx(expected, abs=0.02)
    assert any(len(set(batch)) < 6 for batch in batches(3))
    assert all(isinstance(row, int) for row in batches(1)[0])
