"""The pulse train against the sum of cosines that it is."""

import math

import pytest
import torch

from scoresubnet.vocoders.pitch_network import Pitch
from scoresubnet.vocoders.sources import pulses, white_noise

HOP, RATE = 256, 16_000


def steady(f0: float, frames: int = 33, voiced: float = 1.0) -> Pitch:
    return Pitch(torch.full((1, frames), f0), torch.full((1, frames), voiced))


@pytest.mark.parametrize("f0", [61.0, 101.0, 333.3, 499.0])
def test_all_harmonics_below_half_the_rate(f0: float) -> None:
    audio = pulses(steady(f0), HOP, RATE)[0].double()
    harmonics = math.floor(RATE / 2 / f0)
    phase = 2 * math.pi * f0 / RATE * torch.arange(1, 32 * HOP + 1, dtype=torch.float64)
    expected = torch.stack([(k * phase).cos() for k in range(1, harmonics + 1)]).sum(0)
    expected *= math.sqrt(2 / harmonics)
    assert audio.shape == (32 * HOP,)
    torch.testing.assert_close(audio, expected, rtol=0, atol=5e-3)


def test_power_is_one() -> None:
    assert pulses(steady(126.0), HOP, RATE).square().mean().item() == pytest.approx(1, rel=0.01)
    assert white_noise(100_000, torch.Generator()).square().mean().item() == pytest.approx(
        1, rel=0.02
    )


def test_where_a_pulse_peaks_it_is_finite_and_right() -> None:
    """Every 128th sample is a whole number of cycles: all cosines are 1, and 0 / 0 is near."""
    audio = pulses(steady(RATE / 128), HOP, RATE)[0]
    peaks = audio[127::128]
    torch.testing.assert_close(
        peaks, torch.full_like(peaks, 64 * math.sqrt(2 / 64)), rtol=0.02, atol=0
    )


def test_no_voice_no_pulses() -> None:
    assert not pulses(steady(200.0, voiced=0.0), HOP, RATE).any()
    half = pulses(steady(200.0, voiced=0.5), HOP, RATE)
    torch.testing.assert_close(half, 0.5 * pulses(steady(200.0), HOP, RATE))


def test_frequency_glides_between_frames() -> None:
    """From 100 to 200 Hz: the cycles are the integral of a geometric glide."""
    pitch = Pitch(torch.tensor([[100.0, 200.0]]), torch.ones(1, 2))
    audio = pulses(pitch, 8000, RATE)[0]
    cycles = 0.5 * 100 / math.log(2) * (torch.exp2(torch.arange(1, 8001) / 8000) - 1)
    starts = cycles.floor().diff().nonzero().flatten() + 1
    assert len(starts) == 72
    around = torch.stack([audio[starts - 1], audio[starts]]).amax(dim=0)
    assert (around > 0.3 * audio.max()).all()
    assert (audio > 0.3 * audio.max()).sum() < 3 * len(starts)


def test_items_are_apart_and_noise_is_always_the_same() -> None:
    pitch = Pitch(torch.tensor([[100.0] * 9, [310.0] * 9]), torch.ones(2, 9))
    both = pulses(pitch, HOP, RATE)
    torch.testing.assert_close(both[1:], pulses(steady(310.0, 9), HOP, RATE))
    noises = [white_noise(1000, torch.Generator().manual_seed(0)) for _ in range(2)]
    assert torch.equal(*noises)
    assert noises[0].shape == (1, 1000)
