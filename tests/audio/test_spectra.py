"""Distances between spectra: closed forms."""

import math

import pytest
import torch
from torch import Tensor

from scoresubnet.audio.spectra import spectral_distance


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_sound_has_no_distance_to_itself() -> None:
    assert [d.item() for d in spectral_distance(noise(2, 8192), noise(2, 8192))] == [0, 0]


@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_distance_of_another_loudness(gain: float) -> None:
    """|g S - S| / |S| = |g - 1|, and log g S - log S = log g, at every resolution."""
    real = noise(2, 8192)
    distance = spectral_distance(gain * real, real)
    assert distance.convergence.item() == pytest.approx(abs(gain - 1), rel=1e-4)
    assert distance.log_magnitude.item() == pytest.approx(abs(math.log(gain)), rel=1e-4)


def test_distance_is_relative_to_the_original() -> None:
    real = noise(1, 8192)
    assert spectral_distance(3 * real, real).convergence.item() == pytest.approx(2)
    assert spectral_distance(real, 3 * real).convergence.item() == pytest.approx(2 / 3)


def test_silence_has_finite_distances_and_gradients() -> None:
    made = torch.zeros(1, 8192, requires_grad=True)
    distance = spectral_distance(made, torch.zeros(1, 8192))
    (distance.convergence + distance.log_magnitude).backward()
    assert [d.item() for d in distance] == [0, 0]
    assert made.grad is not None
    assert torch.isfinite(made.grad).all()


def test_a_batch_is_the_mean_of_its_items() -> None:
    """Their levels differ: a common norm would hear the loud one alone."""
    real = noise(2, 8192) * torch.tensor([[0.01], [1.0]])
    made = real + 0.1 * noise(2, 8192, seed=1)
    both = spectral_distance(made, real)
    alone = [spectral_distance(made[k : k + 1], real[k : k + 1]) for k in (0, 1)]
    assert both.convergence.item() == pytest.approx(sum(d.convergence.item() for d in alone) / 2)
    assert both.log_magnitude.item() == pytest.approx(
        sum(d.log_magnitude.item() for d in alone) / 2, rel=1e-5
    )


def test_too_short_audio_is_refused() -> None:
    with pytest.raises(ValueError, match="a clip of 1024 samples is too short"):
        spectral_distance(noise(1, 1024), noise(1, 1024))
