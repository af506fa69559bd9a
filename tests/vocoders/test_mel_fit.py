"""Magnitudes with the Mel bands that are wanted."""

from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.low_band import low_band
from scoresubnet.vocoders.mel_fit import MelFit, smooth_magnitudes


def speechlike(samples: int = 4096) -> Tensor:
    """(1, samples): a buzz with a falling spectrum, and a little noise."""
    t = torch.arange(samples) / 16_000
    buzz = sum(torch.sin(2 * torch.pi * 150 * k * t) / k for k in range(1, 40))
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(0))
    return (0.1 * buzz + 0.01 * noise)[None]


def fit_of(mel: Tensor, front_end: LogMel) -> MelFit:
    return MelFit(mel, front_end.filters, front_end.shares, front_end.settings.power)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_magnitudes_get_the_bands(power: float) -> None:
    front_end = LogMel(MelSettings(power=power))
    mel = front_end.log_mel(speechlike()).exp()
    start = torch.rand(1, mel.shape[2], 513, generator=torch.Generator().manual_seed(1)) + 0.1
    start[..., 40] = 0
    found = fit_of(mel, front_end).repeated(start, 200)
    assert found.min() >= 0
    assert not found[..., [0, 40, 512]].any()
    assert ((front_end.filters @ found.mT**power) / mel - 1).abs().mean() < 0.005


def test_magnitudes_that_have_the_bands_stay() -> None:
    front_end = LogMel()
    magnitude = front_end.stft(speechlike()).abs()
    fit = fit_of(front_end.filters @ magnitude, front_end)
    rows = magnitude.mT.contiguous()
    torch.testing.assert_close(
        fit.repeated(rows, 3)[..., 1:-1], rows[..., 1:-1], rtol=1e-4, atol=1e-6
    )
    torch.testing.assert_close(fit.repeated(rows, 0), rows)


def test_smooth_magnitudes_are_means_of_bands() -> None:
    """Bands that are all alike give that value in every bin that a band covers."""
    front_end = LogMel(MelSettings(power=2.0))
    smooth = smooth_magnitudes(torch.full((1, 80, 3), 4.0), front_end)
    assert smooth.shape == (1, 513, 3)
    torch.testing.assert_close(smooth[:, 1:-1], torch.full((1, 511, 3), 2.0))
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
    generator = torch.Generator().manual_seed(0)
    mel = torch.rand(2, len(filters), 7, generator=generator)
    power = front_end.settings.power
    fit = MelFit(mel, filters, shares, power)
    for _ in range(2):
        magnitude = torch.rand(2, filters.shape[1], 7, generator=generator)
        spectrum = magnitude**power
        ratio = mel / (filters @ spectrum).clamp(min=1e-12)
        expected = (spectrum * (shares.T @ ratio)) ** (1 / power)
        found = fit(magnitude.mT.contiguous()).mT
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
