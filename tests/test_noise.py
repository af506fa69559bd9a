"""Noise from seeds, held against torch's own."""

import numpy as np
import pytest
import torch

from scoresubnet.noise import Draws, seeded_noise


def test_the_numbers_are_those_of_torch() -> None:
    """Over a thousand seeds and the greatest, of whole blocks and with a rest."""
    for seed in [*range(1000), 2**32 - 1]:
        theirs, ours = torch.Generator().manual_seed(seed), Draws(seed)
        for shape in [(1, 80, 64), (1, 8, 6), (173,)]:
            expected = torch.randn(shape, generator=theirs).numpy()
            np.testing.assert_allclose(ours.normal(*shape), expected, rtol=0, atol=2e-6)
        assert np.array_equal(ours.uniform(33, 2), torch.rand(33, 2, generator=theirs).numpy())


def test_fewer_numbers_than_a_block_are_refused() -> None:
    """Torch draws them by another method; they would be others under the same seed."""
    with pytest.raises(ValueError, match="15 numbers are fewer than 16"):
        Draws(0).normal(3, 5)


def test_noise_is_fresh_at_each_call_and_standard_normal() -> None:
    noise = seeded_noise([0, 1], (1, 100, 100))
    first, second = noise(), noise()
    both = np.stack([first, second]).reshape(4, -1)
    assert np.abs(np.corrcoef(both) - np.eye(4)).max() < 0.05
    assert both.mean() == pytest.approx(0, abs=0.02)
    assert both.var() == pytest.approx(1, rel=0.03)


def test_noise_is_of_the_library_asked_for() -> None:
    numbers, tensor = (seeded_noise([4], (1, 8, 6), like)() for like in (None, torch.empty(0)))
    assert isinstance(numbers, np.ndarray)
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == torch.float32
    assert np.array_equal(tensor.numpy(), numbers)


def test_noise_leaves_the_global_state_alone() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - whoever uses it finds it as it was
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    seeded_noise([5], (1, 4, 4))()
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])  # noqa: NPY002
