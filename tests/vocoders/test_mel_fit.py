"""Magnitudes with the Mel bands that are wanted."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.low_band import low_band
from scoresubnet.vocoders.mel_fit import MelFit, smooth_magnitudes


def speechlike(samples: int = 4096) -> NDArray[np.float32]:
    """(1, samples): a buzz with a falling spectrum, and a little noise."""
    t = np.arange(samples) / 16_000
    buzz = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 40))
    noise = np.random.default_rng(0).standard_normal(samples)
    return (0.1 * buzz + 0.01 * noise)[None].astype(np.float32)


def fit_of(mel: NDArray[np.float32], front_end: LogMel) -> MelFit:
    return MelFit(mel, front_end.filters, front_end.shares, front_end.settings.power)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_magnitudes_get_the_bands(power: float) -> None:
    front_end = LogMel(MelSettings(power=power))
    mel = np.exp(front_end.log_mel(speechlike()))
    start = np.random.default_rng(1).random((1, mel.shape[2], 513), np.float32) + np.float32(0.1)
    start[..., 40] = 0
    found = fit_of(mel, front_end).repeated(start, 200)
    assert found.min() >= 0
    assert not found[..., [0, 40, 512]].any()
    assert np.abs((front_end.filters @ found.mT**power) / mel - 1).mean() < 0.005


def test_magnitudes_that_have_the_bands_stay() -> None:
    front_end = LogMel()
    magnitude = np.abs(front_end.stft(speechlike()))
    fit = fit_of(front_end.filters @ magnitude, front_end)
    rows = np.ascontiguousarray(magnitude.mT)
    np.testing.assert_allclose(
        fit.repeated(rows, 3)[..., 1:-1], rows[..., 1:-1], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_array_equal(fit.repeated(rows, 0), rows)


def test_smooth_magnitudes_are_means_of_bands() -> None:
    """Bands that are all alike give that value in every bin that a band covers."""
    front_end = LogMel(MelSettings(power=2.0))
    smooth = smooth_magnitudes(np.full((1, 80, 3), 4.0, np.float32), front_end)
    assert smooth.shape == (1, 513, 3)
    np.testing.assert_allclose(smooth[:, 1:-1], 2, rtol=1e-5)
    assert smooth.min() == pytest.approx(1e-5**0.5)


@pytest.mark.parametrize(
    ("numbers", "factor"),
    [
        ({}, 1),
        ({}, 4),
        ({"power": 2.0}, 1),
        ({"n_mels": 40}, 2),
        ({"f_min": 2500.0}, 1),
        ({"f_max": 1500.0}, 1),
    ],
)
def test_a_call_is_one_multiplicative_update(numbers: dict[str, Any], factor: int) -> None:
    """Lee & Seung's, by whole matrices; buffers of a call do not leak into the next."""
    front_end = LogMel(MelSettings(**numbers))
    low = low_band(front_end, factor)
    filters, shares = (front_end.filters, front_end.shares) if low is None else low[1:3]
    random = np.random.default_rng(0)
    mel = random.random((2, len(filters), 7), np.float32)
    power = front_end.settings.power
    fit = MelFit(mel, filters, shares, power)
    for _ in range(2):
        magnitude = random.random((2, filters.shape[1], 7), np.float32)
        spectrum = magnitude**power
        ratio = mel / np.maximum(filters @ spectrum, 1e-12)
        expected = (spectrum * (shares.T @ ratio)) ** (1 / power)
        found = fit(np.ascontiguousarray(magnitude.mT)).mT
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
