from typing import Any

import pytest
import torch

from benchmarks.diffwave import DiffWave
from scoresubnet.cost import count_parameters


def test_the_published_shape_has_its_24_million_parameters() -> None:
    """24.1 M with the gains of weight normalisation: one for each output channel."""
    with torch.device("meta"):
        network = DiffWave()
    gains = 36 * (512 + 512) + 256 + 256
    assert count_parameters(network) == 24_034_305
    assert count_parameters(network) + gains == pytest.approx(24.1e6, abs=0.05e6)
    layers: Any = network.layers
    dilations = [layer.dilated.dilation[0] for layer in layers]
    assert dilations == [2**k for k in range(12)] * 3


@torch.no_grad()
def test_it_keeps_the_shape_and_reads_the_step_of_each_item() -> None:
    torch.manual_seed(0)
    network = DiffWave(layers=3, channels=8, cycle=2).eval()
    x = torch.randn(1, 1, 100).repeat(2, 1, 1)
    out = network(x, torch.tensor([3.0, 150.0]))
    assert out.shape == x.shape
    assert (out[0] - out[1]).abs().max() > 1e-4
    torch.testing.assert_close(network(x[:1], torch.tensor([3.0])), out[:1])


@torch.no_grad()
def test_a_sample_is_heard_as_far_as_the_dilations_reach() -> None:
    """Dilations 1, 2, 1: four samples to either side."""
    torch.manual_seed(0)
    network = DiffWave(layers=3, channels=8, cycle=2).eval()
    x, step = torch.zeros(1, 1, 41), torch.tensor([3.0])
    touched = x.clone()
    touched[..., 20] = 1.0
    changed = (network(touched, step) - network(x, step))[0, 0].abs() > 1e-6
    assert changed.nonzero()[:, 0].tolist() == list(range(16, 25))
