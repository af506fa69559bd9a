"""From Mel bands to magnitudes, and from magnitudes to phases."""

import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.inversion import fit_mel_bands, griffin_lim, smooth_magnitudes


def speechlike(samples: int = 4096) -> torch.Tensor:
    """(1, samples): a buzz with a falling spectrum, and a little noise."""
    t = torch.arange(samples) / 16_000
    buzz = sum(torch.sin(2 * torch.pi * 150 * k * t) / k for k in range(1, 40))
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(0))
    return (0.1 * buzz + 0.01 * noise)[None]


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_magnitudes_get_the_bands(power: float) -> None:
    front_end = LogMel(MelSettings(power=power))
    mel = front_end.log_mel(speechlike()).exp()
    start = torch.rand(1, 513, mel.shape[2], generator=torch.Generator().manual_seed(1)) + 0.1
    start[:, 40] = 0
    found = fit_mel_bands(start, mel, front_end, 200)
    assert found.min() >= 0
    assert not found[:, [0, 40, 512]].any()
    assert ((front_end.filters @ found**power) / mel - 1).abs().mean() < 0.005


def test_magnitudes_that_have_the_bands_stay() -> None:
    front_end = LogMel()
    magnitude = front_end.stft(speechlike()).abs()
    found = fit_mel_bands(magnitude, front_end.filters @ magnitude, front_end, 3)
    torch.testing.assert_close(found[:, 1:-1], magnitude[:, 1:-1], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(fit_mel_bands(magnitude, magnitude, front_end, 0), magnitude)


def test_smooth_magnitudes_are_means_of_bands() -> None:
    """Bands that are all alike give that value in every bin that a band covers."""
    front_end = LogMel(MelSettings(power=2.0))
    smooth = smooth_magnitudes(torch.full((1, 80, 3), 4.0), front_end)
    assert smooth.shape == (1, 513, 3)
    torch.testing.assert_close(smooth[:, 1:-1], torch.full((1, 511, 3), 2.0))
    assert smooth.min() == pytest.approx(1e-5**0.5)


@pytest.mark.parametrize("iterations", [0, 3])
def test_audio_is_a_fixed_point_of_its_own_spectrum(iterations: int) -> None:
    front_end, audio = LogMel(), speechlike()
    spectrum = front_end.stft(audio).mT
    again = griffin_lim(spectrum, lambda _: spectrum.abs(), front_end, iterations, 0.99)
    torch.testing.assert_close(again, audio, rtol=0, atol=1e-4)


def test_iterations_make_the_spectrum_consistent() -> None:
    front_end = LogMel()
    magnitude = front_end.stft(speechlike()).mT.abs()
    turns = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(2))
    start = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)

    def distance(iterations: int, momentum: float) -> float:
        audio = griffin_lim(start, lambda _: magnitude, front_end, iterations, momentum)
        return torch.linalg.vector_norm(front_end.stft(audio).mT.abs() - magnitude).item()

    assert distance(32, 0.0) < 0.5 * distance(0, 0.0)
    assert distance(32, 0.99) < distance(32, 0.0)


def test_magnitudes_may_lead() -> None:
    """With a lead of 1 they are those of twice the last audio less the one before, here nothing."""
    front_end = LogMel()
    seen: list[torch.Tensor] = []

    def kept(found: torch.Tensor) -> torch.Tensor:
        seen.append(found.clone())  # a buffer that the next iteration fills anew
        return found

    griffin_lim(front_end.stft(speechlike()).mT, kept, front_end, 1, 0.0, lead=1.0)
    torch.testing.assert_close(seen[1], 2 * seen[0], rtol=1e-3, atol=1e-3)


def test_wanted_magnitudes_may_follow_the_audio() -> None:
    front_end = LogMel()
    seen = []

    def louder(found: torch.Tensor) -> torch.Tensor:
        seen.append(found.sum().item())
        return 2 * found

    spectrum = front_end.stft(speechlike()).mT
    audio = griffin_lim(spectrum, louder, front_end, 2, 0.0)
    assert seen[1] == pytest.approx(2 * seen[0], rel=1e-3)
    torch.testing.assert_close(audio, 8 * speechlike(), rtol=1e-3, atol=1e-3)
