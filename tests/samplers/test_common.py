import pytest
import torch

from scoresubnet.samplers import seeded_noise


def test_seeded_noise_is_fresh_at_each_call_and_standard_normal() -> None:
    noise = seeded_noise([0, 1], (1, 100, 100), "cpu")
    first, second = noise(), noise()
    both = torch.stack([first, second]).flatten(2).flatten(0, 1)
    correlation = torch.corrcoef(both)
    assert (correlation - torch.eye(4)).abs().max() < 0.05
    assert float(both.mean()) == pytest.approx(0, abs=0.02)
    assert float(both.var()) == pytest.approx(1, rel=0.03)


def test_seeded_noise_leaves_the_global_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    seeded_noise([5], (2,), "cpu")()
    assert torch.equal(torch.rand(3), expected)
