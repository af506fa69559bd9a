"""The pitch vocoder: where Griffin-Lim starts, in which order it goes, and what its sound is."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders import load_vocoder, pitch_vocoder
from scoresubnet.vocoders.mel_fit import MelFit
from scoresubnet.vocoders.pitch_network import PitchLogits, PitchNetwork, PitchNetworkConfig
from scoresubnet.vocoders.pitch_vocoder import PitchVocoder, PitchVocoderSettings
from scoresubnet.vocoders.stft import RepeatedSTFT

CONFIG = PitchNetworkConfig(8, 1, 3)


@pytest.fixture
def network() -> PitchNetwork:
    torch.manual_seed(0)
    return PitchNetwork(CONFIG, 80)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def features(*shape: int) -> Tensor:
    """Scaled log-Mels between about -60 and 0 dB."""
    return noise(*shape).clamp(-2, 2) / 4


def hear(network: PitchNetwork, monkeypatch: pytest.MonkeyPatch, f0: float, voiced: float) -> None:
    """Let the network hear one steady pitch, or none."""

    def logits(x: Tensor) -> PitchLogits:
        distance = torch.arange(CONFIG.bins) - CONFIG.position(torch.tensor(f0))
        bins = (-0.5 * distance.square()).expand(len(x), x.shape[3], -1)
        return PitchLogits(bins, torch.logit(torch.full((len(x), x.shape[3]), voiced), 1e-9))

    monkeypatch.setattr(network, "forward", logits)


DATA = Path(__file__).parents[1] / "data"


def test_the_shipped_vocoder_sounds_as_in_version_0_1() -> None:
    """The second of a generated word: kept as 16-bit audio, whose rounding alone is at 47 dB."""
    kept = load_file(DATA / "pitch_vocoder.safetensors")
    before = kept["audio"].float() / 32_767
    difference = load_vocoder("pitch")(kept["mel"].float()[None, None])[0] - before
    assert 10 * torch.log10(before.square().sum() / difference.square().sum()) > 40


# A change of each number of the vocoder.
CHANGES = {
    "iterations": 3,
    "low_iterations": 4,
    "low_factor": 4,
    "momentum": 0.9,
    "lead": 0.2,
    "first_updates": 3,
    "hiss_centre": 3400.0,
    "hiss_width": 400.0,
    "noise_seed": 1,
    "pitch_reach": 3,
}


@pytest.mark.parametrize("name", [field.name for field in fields(PitchVocoderSettings)])
def test_whatever_changes_the_sound_is_in_the_settings(network: PitchNetwork, name: str) -> None:
    few: dict[str, Any] = {"iterations": 2, "low_iterations": 3}
    x = features(1, 1, 80, 20)
    one, other = (
        PitchVocoder(network, MelSettings(), **n) for n in (few, few | {name: CHANGES[name]})
    )
    assert one.settings != other.settings
    assert (one(x) - other(x)).abs().max() > 1e-5


def test_settings_tell_the_weights_and_the_features(network: PitchNetwork) -> None:
    before = PitchVocoder(network, MelSettings()).settings
    assert PitchVocoder(network, MelSettings(log_max=3.0)).settings != before
    with torch.no_grad():
        network.head.bias.add_(0.1)
    assert PitchVocoder(network, MelSettings()).settings != before


@pytest.mark.parametrize("frames", [4, 64, 101])
def test_any_length(network: PitchNetwork, frames: int) -> None:
    audio = PitchVocoder(network, MelSettings(), iterations=1, low_iterations=1)(
        features(2, 1, 80, frames)
    )
    assert audio.shape == (2, (frames - 1) * 256 - 128)
    assert audio.dtype == torch.float32
    assert not audio.requires_grad


def test_it_starts_with_pulses_at_the_pitch_as_loud_as_the_bands(
    network: PitchNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without noise, of a flat spectrum: a train of pulses."""
    hear(network, monkeypatch, 200.0, 1.0)
    vocoder = PitchVocoder(network, MelSettings(), hiss_centre=1e5)
    front_end = LogMel()
    x = front_end.scale(torch.full((1, 80, 32), 0.5).log())
    audio = front_end.istft(vocoder.start(x))
    power = np.abs(np.fft.rfft(audio[0, 2048:6048].numpy() * np.hanning(4000))) ** 2
    peaks = power[50::50][:38]  # bins of 4 Hz
    between = power[75::50][:38]
    assert peaks.min() > 1e4 * between.max()
    found = front_end.log_mel(audio).exp()[:, 40:, 8:24].mean()
    assert 0.15 < found < 0.6


def test_without_a_voice_it_starts_with_the_noise_of_the_high_bins(
    network: PitchNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.zeros(1, 1, 80, 32)
    starts = []
    for f0 in (100.0, 300.0):
        hear(network, monkeypatch, f0, 0.0)
        starts.append(PitchVocoder(network, MelSettings()).start(x)[0])
    torch.testing.assert_close(*starts, rtol=0, atol=1e-4)
    whole = PitchVocoder(network, MelSettings(), hiss_centre=0.0, hiss_width=1.0).start(x)[0]
    share = (starts[0].abs() / whole.abs())[[64, 224, 448]].mean(dim=1)  # 1, 3.5 and 7 kHz
    torch.testing.assert_close(share, torch.tensor([0.007, 0.5, 1.0]), rtol=0, atol=0.002)


def test_loud_items_alone_are_scaled_down(
    network: PitchNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    tone = torch.sin(torch.arange(15 * 256) / 10)
    made = torch.stack([2 * tone, 0.5 * tone])
    vocoder = PitchVocoder(network, MelSettings())
    monkeypatch.setattr(vocoder, "_sounds", lambda x: made)
    audio = vocoder(features(2, 1, 80, 16))
    expected = torch.stack([tone, 0.5 * tone])[:, : audio.shape[1]]
    torch.testing.assert_close(audio, expected, rtol=0, atol=1e-3)


def test_iterations_bring_the_mel_bands_that_were_asked_for(network: PitchNetwork) -> None:
    front_end = LogMel()
    tones = torch.sin(torch.arange(16_000) * torch.tensor([[0.1], [0.3]]))
    x = front_end(0.5 * tones)

    def distance(iterations: int) -> float:
        audio = PitchVocoder(network, MelSettings(), iterations=iterations, low_iterations=0)(x)
        return (front_end(audio) - x).abs().mean().item()

    assert distance(16) < distance(4) < 0.8 * distance(0)


@pytest.mark.parametrize("frames", [21, 50])
def test_iterations_treat_each_item_alone(
    network: PitchNetwork, two_threads: None, frames: int
) -> None:
    vocoder = PitchVocoder(network, MelSettings())
    x = features(11, 1, 80, frames)
    together = vocoder(x)
    for k in (1, 3, 7):
        assert torch.equal(together[k : k + 1], vocoder(x[k : k + 1]))


@pytest.mark.parametrize("name", ["iterations", "low_iterations", "lead", "hiss_centre"])
def test_numbers_out_of_range_are_refused(network: PitchNetwork, name: str) -> None:
    with pytest.raises(ValueError, match=f"negative.*{name}=-1"):
        PitchVocoder(network, MelSettings(), **{name: -1})
    with pytest.raises(ValueError, match="low_factor"):
        PitchVocoder(network, MelSettings(), low_factor=0)


@pytest.mark.parametrize("shape", [(80, 64), (1, 80, 64), (1, 1, 79, 64), (0, 1, 80, 64)])
def test_other_shapes_are_refused(network: PitchNetwork, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the vocoder needs \(B >= 1, 1, 80, T >= 4\)"):
        PitchVocoder(network, MelSettings())(torch.zeros(shape))


def test_without_a_lower_rate_the_low_bins_do_not_come_first(network: PitchNetwork) -> None:
    mel = MelSettings(hop_length=201, clip_seconds=0.5)
    x = features(1, 1, 80, 20)
    one, other = (PitchVocoder(network, mel, iterations=1, low_iterations=low)(x) for low in (0, 9))
    assert torch.equal(one, other)


def test_the_low_bins_come_first_and_are_taken_over(
    network: PitchNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.linspace(0.2, -0.5, 80)[:, None].expand(1, 1, 80, 20)
    low_sound = noise(1, 19 * 32)
    given: list[tuple[Tensor, int]] = []
    wanted: list[Tensor] = []

    def seen(start: Tensor, fit: MelFit, stft: RepeatedSTFT, iterations: int, *_: float) -> Tensor:
        given.append((start, iterations))
        wanted.append(fit(start.abs()).clone())
        return low_sound if start.shape[2] == 65 else torch.zeros(1, 19 * 256)

    monkeypatch.setattr(pitch_vocoder, "griffin_lim", seen)
    vocoder = PitchVocoder(network, MelSettings(), iterations=3, low_iterations=5)
    vocoder(x)
    (first, low_iterations), (second, iterations) = given
    assert (low_iterations, iterations) == (5, 3)
    assert first.shape == (1, 20, 65)
    assert second.shape == (1, 20, 513)
    better = LogMel(MelSettings(2000, 128, 128, 32, 20, f_max=1000.0)).stft(low_sound).mT
    sure = 60  # the peak of the last whole band, 937.5 Hz
    torch.testing.assert_close(second[..., :sure], better[..., :sure], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(second[..., sure:65], first[..., sure:])
    # Both aim at the bands that were asked for; one update comes near.
    front_end = LogMel()
    for magnitudes, bands in zip(wanted, (24, 79), strict=True):
        filters = front_end.filters[:bands, : magnitudes.shape[2]]
        expected = front_end.unscale(x)[0, :bands].exp()
        assert (filters @ magnitudes[0].T / expected).log().abs().mean() < 0.3
    given.clear()
    PitchVocoder(network, MelSettings(), iterations=3, low_iterations=0)(x)
    torch.testing.assert_close(given[0][0][..., :65], first)
