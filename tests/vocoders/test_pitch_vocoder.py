"""The pitch vocoder: where Griffin-Lim starts, in which order it goes, and what its sound is."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders import load_vocoder, pitch_vocoder
from scoresubnet.vocoders.mel_fit import MelFit
from scoresubnet.vocoders.pitch import PitchLogits, PitchNetworkConfig, PitchReader
from scoresubnet.vocoders.pitch_network import PitchNetwork, reader_of
from scoresubnet.vocoders.pitch_vocoder import PitchVocoder, PitchVocoderSettings
from scoresubnet.vocoders.stft import RepeatedSTFT

CONFIG = PitchNetworkConfig(8, 1, 3)
Floats = NDArray[np.float32]


@pytest.fixture
def reader() -> PitchReader:
    torch.manual_seed(0)
    return reader_of(PitchNetwork(CONFIG, 80))


def noise(*shape: int) -> Floats:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def features(*shape: int) -> Floats:
    """Scaled log-Mels between about -60 and 0 dB."""
    return (noise(*shape).clip(-2, 2) / 4).astype(np.float32)


def hears(f0: float, voiced: float) -> PitchReader:
    """One steady pitch, or none."""

    def logits(x: Floats) -> PitchLogits:
        distance = np.arange(CONFIG.bins) - CONFIG.position(np.array(f0))
        bins = np.tile(-0.5 * np.square(distance), (len(x), x.shape[3], 1))
        return PitchLogits(bins, np.full((len(x), x.shape[3]), 20 * (2 * voiced - 1)))

    return PitchReader(logits, CONFIG, "none")


DATA = Path(__file__).parents[1] / "data"


def test_the_shipped_vocoder_sounds_as_in_version_0_1() -> None:
    """The second of a generated word: kept as 16-bit audio, whose rounding alone is at 47 dB."""
    kept = load_file(DATA / "pitch_vocoder.safetensors")
    before = kept["audio"].astype(np.float32) / 32_767
    difference = load_vocoder("pitch")(kept["mel"][None, None])[0] - before
    assert 10 * np.log10(np.square(before).sum() / np.square(difference).sum()) > 40


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
def test_whatever_changes_the_sound_is_in_the_settings(reader: PitchReader, name: str) -> None:
    few: dict[str, Any] = {"iterations": 2, "low_iterations": 3}
    x = features(1, 1, 80, 20)
    one, other = (
        PitchVocoder(reader, MelSettings(), **n) for n in (few, few | {name: CHANGES[name]})
    )
    assert one.settings != other.settings
    assert np.abs(one(x) - other(x)).max() > 1e-5


def test_settings_tell_the_weights_and_the_features() -> None:
    network = PitchNetwork(CONFIG, 80)
    before = PitchVocoder(reader_of(network), MelSettings()).settings
    assert PitchVocoder(reader_of(network), MelSettings(log_max=3.0)).settings != before
    with torch.no_grad():
        network.head.bias.add_(0.1)
    assert PitchVocoder(reader_of(network), MelSettings()).settings != before


@pytest.mark.parametrize("frames", [4, 64, 101])
def test_any_length(reader: PitchReader, frames: int) -> None:
    audio = PitchVocoder(reader, MelSettings(), iterations=1, low_iterations=1)(
        features(2, 1, 80, frames)
    )
    assert audio.shape == (2, (frames - 1) * 256 - 128)
    assert audio.dtype == np.float32


def test_it_starts_with_pulses_at_the_pitch_as_loud_as_the_bands() -> None:
    """Without noise, of a flat spectrum: a train of pulses."""
    vocoder = PitchVocoder(hears(200.0, 1.0), MelSettings(), hiss_centre=1e5)
    front_end = LogMel()
    x = front_end.scale(np.log(np.full((1, 80, 32), 0.5, np.float32)))
    audio = RepeatedSTFT(MelSettings(), 32).synthesis(vocoder.start(x).mT)
    power = np.abs(np.fft.rfft(audio[0, 2048:6048] * np.hanning(4000))) ** 2
    peaks = power[50::50][:38]  # bins of 4 Hz
    between = power[75::50][:38]
    assert peaks.min() > 1e4 * between.max()
    found = np.exp(front_end.log_mel(audio))[:, 40:, 8:24].mean()
    assert 0.15 < found < 0.6


def test_without_a_voice_it_starts_with_the_noise_of_the_high_bins() -> None:
    x = np.zeros((1, 1, 80, 32), np.float32)
    one, other = (PitchVocoder(hears(f0, 0.0), MelSettings()).start(x)[0] for f0 in (100.0, 300.0))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    reader = hears(100.0, 0.0)
    whole = PitchVocoder(reader, MelSettings(), hiss_centre=0.0, hiss_width=1.0).start(x)[0]
    share = (np.abs(one) / np.abs(whole))[[64, 224, 448]].mean(axis=1)  # 1, 3.5 and 7 kHz
    np.testing.assert_allclose(share, [0.007, 0.5, 1.0], rtol=0, atol=0.002)


def test_loud_items_alone_are_scaled_down(
    reader: PitchReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    tone = np.sin(np.arange(15 * 256) / 10).astype(np.float32)
    made = np.stack([2 * tone, 0.5 * tone])
    vocoder = PitchVocoder(reader, MelSettings())
    monkeypatch.setattr(vocoder, "_sounds", lambda x: made)
    audio = vocoder(features(2, 1, 80, 16))
    expected = np.stack([tone, 0.5 * tone])[:, : audio.shape[1]]
    np.testing.assert_allclose(audio, expected, rtol=0, atol=1e-3)


def test_iterations_bring_the_mel_bands_that_were_asked_for(reader: PitchReader) -> None:
    front_end = LogMel()
    x = front_end(0.5 * np.sin(np.arange(16_000) * np.array([[0.1], [0.3]])))

    def distance(iterations: int) -> float:
        audio = PitchVocoder(reader, MelSettings(), iterations=iterations, low_iterations=0)(x)
        return float(np.abs(front_end(audio) - x).mean())

    assert distance(16) < distance(4) < 0.8 * distance(0)


@pytest.mark.parametrize("frames", [5, 21, 50])
def test_iterations_treat_each_item_alone(
    reader: PitchReader, two_threads: None, frames: int
) -> None:
    # So few frames as five are read otherwise by several threads of torch.
    vocoder = PitchVocoder(hears(200.0, 0.5) if frames == 5 else reader, MelSettings())
    x = features(11, 1, 80, frames)
    together = vocoder(x)
    for k in (1, 3, 7):
        np.testing.assert_array_equal(together[k : k + 1], vocoder(x[k : k + 1]))


@pytest.mark.parametrize("name", ["iterations", "low_iterations", "lead", "hiss_centre"])
def test_numbers_out_of_range_are_refused(reader: PitchReader, name: str) -> None:
    with pytest.raises(ValueError, match=f"negative.*{name}=-1"):
        PitchVocoder(reader, MelSettings(), **{name: -1})
    with pytest.raises(ValueError, match="low_factor"):
        PitchVocoder(reader, MelSettings(), low_factor=0)


@pytest.mark.parametrize("shape", [(80, 64), (1, 80, 64), (1, 1, 79, 64), (0, 1, 80, 64)])
def test_other_shapes_are_refused(reader: PitchReader, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the vocoder needs \(B >= 1, 1, 80, T >= 4\)"):
        PitchVocoder(reader, MelSettings())(np.zeros(shape, np.float32))


def test_without_a_lower_rate_the_low_bins_do_not_come_first(reader: PitchReader) -> None:
    mel = MelSettings(hop_length=201, clip_seconds=0.5)
    x = features(1, 1, 80, 20)
    one, other = (PitchVocoder(reader, mel, iterations=1, low_iterations=low)(x) for low in (0, 9))
    np.testing.assert_array_equal(one, other)


def test_the_low_bins_come_first_and_are_taken_over(
    reader: PitchReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.tile(np.linspace(0.2, -0.5, 80, dtype=np.float32)[:, None], (1, 1, 1, 20))
    low_sound = noise(1, 19 * 32)
    given: list[tuple[NDArray[np.complex64], int]] = []
    wanted: list[Floats] = []

    def seen(
        start: NDArray[np.complex64], fit: MelFit, stft: RepeatedSTFT, iterations: int, *_: float
    ) -> Floats:
        given.append((start, iterations))
        wanted.append(fit(np.abs(start)).copy())
        return low_sound if start.shape[2] == 65 else np.zeros((1, 19 * 256), np.float32)

    monkeypatch.setattr(pitch_vocoder, "griffin_lim", seen)
    vocoder = PitchVocoder(reader, MelSettings(), iterations=3, low_iterations=5)
    vocoder(x)
    (first, low_iterations), (second, iterations) = given
    assert (low_iterations, iterations) == (5, 3)
    assert first.shape == (1, 20, 65)
    assert second.shape == (1, 20, 513)
    better = LogMel(MelSettings(2000, 128, 128, 32, 20, f_max=1000.0)).stft(low_sound).mT
    sure = 60  # the peak of the last whole band, 937.5 Hz
    np.testing.assert_allclose(second[..., :sure], better[..., :sure], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(second[..., sure:65], first[..., sure:])
    # Both aim at the bands that were asked for; one update comes near.
    front_end = LogMel()
    for magnitudes, bands in zip(wanted, (24, 79), strict=True):
        filters = front_end.filters[:bands, : magnitudes.shape[2]]
        expected = np.exp(front_end.unscale(x)[0, :bands])
        assert np.abs(np.log(filters @ magnitudes[0].T / expected)).mean() < 0.3
    given.clear()
    PitchVocoder(reader, MelSettings(), iterations=3, low_iterations=0)(x)
    np.testing.assert_array_equal(given[0][0][..., :65], first)
