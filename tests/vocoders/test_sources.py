"""The pulse train against the sum of cosines that it is."""

import math

import numpy as np
import pytest

from scoresubnet.noise import Draws
from scoresubnet.vocoders.pitch import Pitch
from scoresubnet.vocoders.sources import pulses, white_noise

HOP, RATE = 256, 16_000


def steady(f0: float, frames: int = 33, voiced: float = 1.0) -> Pitch:
    return Pitch(np.full((1, frames), f0, np.float32), np.full((1, frames), voiced, np.float32))


@pytest.mark.parametrize("f0", [61.0, 101.0, 333.3, 499.0])
def test_all_harmonics_below_half_the_rate(f0: float) -> None:
    audio = pulses(steady(f0), HOP, RATE)[0]
    harmonics = math.floor(RATE / 2 / f0)
    phase = 2 * math.pi * f0 / RATE * np.arange(1, 32 * HOP + 1)
    expected = np.cos(np.arange(1, harmonics + 1)[:, None] * phase).sum(0)
    expected *= math.sqrt(2 / harmonics)
    assert audio.shape == (32 * HOP,)
    np.testing.assert_allclose(audio, expected, rtol=0, atol=5e-3)


def test_power_is_one() -> None:
    assert np.square(pulses(steady(126.0), HOP, RATE)).mean() == pytest.approx(1, rel=0.01)
    assert np.square(white_noise(100_000, Draws(0))).mean() == pytest.approx(1, rel=0.02)


def test_where_a_pulse_peaks_it_is_finite_and_right() -> None:
    """Every 128th sample is a whole number of cycles: all cosines are 1, and 0 / 0 is near."""
    audio = pulses(steady(RATE / 128), HOP, RATE)[0]
    peaks = audio[127::128]
    np.testing.assert_allclose(peaks, 64 * math.sqrt(2 / 64), rtol=0.02, atol=0)


def test_no_voice_no_pulses() -> None:
    assert not pulses(steady(200.0, voiced=0.0), HOP, RATE).any()
    half = pulses(steady(200.0, voiced=0.5), HOP, RATE)
    np.testing.assert_allclose(half, 0.5 * pulses(steady(200.0), HOP, RATE), rtol=1e-5, atol=1e-6)


def test_frequency_glides_between_frames() -> None:
    """From 100 to 200 Hz: the cycles are the integral of a geometric glide."""
    pitch = Pitch(np.array([[100.0, 200.0]]), np.ones((1, 2)))
    audio = pulses(pitch, 8000, RATE)[0]
    cycles = 0.5 * 100 / math.log(2) * (np.exp2(np.arange(1, 8001) / 8000) - 1)
    starts = np.flatnonzero(np.diff(np.floor(cycles))) + 1
    assert len(starts) == 72
    around = np.maximum(audio[starts - 1], audio[starts])
    assert (around > 0.3 * audio.max()).all()
    assert (audio > 0.3 * audio.max()).sum() < 3 * len(starts)


def test_items_are_apart_and_noise_is_always_the_same() -> None:
    pitch = Pitch(np.array([[100.0] * 9, [310.0] * 9]), np.ones((2, 9)))
    both = pulses(pitch, HOP, RATE)
    np.testing.assert_array_equal(both[1:], pulses(steady(310.0, 9), HOP, RATE))
    noise = white_noise(1000, Draws(0))
    np.testing.assert_array_equal(noise, white_noise(1000, Draws(0)))
    assert noise.shape == (1, 1000)
    assert white_noise(5, Draws(0)).shape == (1, 5)
