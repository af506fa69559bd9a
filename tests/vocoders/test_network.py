"""Vocos: the inverse STFT against the analysis, shapes, and what the sources bring."""

import dataclasses

import librosa
import numpy as np
import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.network import Vocos, VocosConfig
from scoresubnet.vocoders.pitch import Pitch, decode_pitch
from scoresubnet.vocoders.source import white_noise

TINY = VocosConfig(width=16, hidden=24, blocks=2, kernel=3, pitch_width=8, pitch_blocks=1)


@pytest.fixture
def network() -> Vocos:
    torch.manual_seed(0)
    return Vocos(TINY, MelSettings()).eval()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def features(*shape: int) -> torch.Tensor:
    """Scaled log-Mels between about -60 and 0 dB."""
    return noise(*shape).clamp(-2, 2) / 4


@pytest.mark.parametrize("frames", [4, 64, 101])
def test_any_length(network: Vocos, frames: int) -> None:
    audio = network(features(2, 1, 80, frames))
    assert audio.shape == (2, (frames - 1) * 256)
    assert audio.dtype == torch.float32


def test_the_inverse_stft_undoes_the_analysis(
    network: Vocos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the spectrum of a sound, the network must return that sound."""
    audio = noise(2, 63 * 256)
    spectrum = LogMel().stft(audio)
    monkeypatch.setattr(network, "parts", lambda *given: (spectrum, torch.zeros_like(spectrum)))
    torch.testing.assert_close(network(features(2, 1, 80, 64)), audio, rtol=0, atol=1e-5)


def test_the_inverse_stft_agrees_with_librosa(network: Vocos) -> None:
    """On a spectrum that no sound has, which both project alike."""
    x = features(1, 1, 80, 32)
    with torch.no_grad():
        spectrum, audio = sum(network.parts(x))[0].numpy(), network(x)[0].numpy()
    expected = librosa.istft(spectrum, hop_length=256, n_fft=1024, window="hann", center=True)
    np.testing.assert_allclose(audio, expected, atol=1e-5)


def test_gains_cannot_explode(network: Vocos) -> None:
    with torch.no_grad():
        network.head.bias[:513] = 1e4
        network.head.bias[1026:] = 1e4
    x = -torch.ones(1, 1, 80, 8)
    assert sum(network.parts(x)).abs().max() < 1e-5 * np.exp(6.0) * 100
    assert torch.isfinite(network(features(1, 1, 80, 8))).all()


def steady(f0: float, voiced: float, frames: int = 32) -> Pitch:
    return Pitch(torch.full((1, frames), f0), torch.full((1, frames), voiced))


def test_untrained_it_speaks_at_the_pitch_with_the_level_of_the_bands() -> None:
    """Filters without gain: a flat spectrum becomes a train of pulses, as loud as was asked for."""
    network = silent(Vocos(TINY, MelSettings()))
    front_end = LogMel()
    level = torch.full((1, 80, 32), 0.5).log()
    with torch.no_grad():
        network.head.bias[1026:] = -20
        audio = network(front_end.scale(level), steady(200.0, 1.0))
    power = np.abs(np.fft.rfft(audio[0, 2048:6048].numpy() * np.hanning(4000))) ** 2
    peaks = power[50::50][:38]  # bins of 4 Hz
    between = power[75::50][:38]
    assert peaks.min() > 1e4 * between.max()
    found = front_end.log_mel(audio).exp()[:, 40:, 8:24].mean()
    assert 0.15 < found < 0.6


def test_without_filters_nothing_but_the_pitch_is_learnt() -> None:
    """It makes what filters that change nothing make."""
    torch.manual_seed(0)
    plain = Vocos(dataclasses.replace(TINY, blocks=0), MelSettings()).eval()
    assert all(name.startswith("pitch.") for name, _ in plain.named_parameters())
    filtered = silent(Vocos(TINY, MelSettings()))
    filtered.pitch.load_state_dict(plain.pitch.state_dict())
    x = features(2, 1, 80, 16)
    torch.testing.assert_close(plain(x), filtered(x), rtol=1e-4, atol=1e-5)


def test_without_a_voice_there_is_noise_alone() -> None:
    network = silent(Vocos(TINY, MelSettings()))
    x = torch.zeros(1, 1, 80, 32)
    with torch.no_grad():
        one, other = (network(x, steady(f0, 0.0)) for f0 in (100.0, 300.0))
        assert torch.equal(one, other)
        more = network(x, steady(100.0, 0.0), 2 * white_noise(31 * 256))
    torch.testing.assert_close(more, 2 * one)
    peaks = np.abs(np.fft.rfft(one[0].numpy()))[100:3000]
    assert peaks.max() < 5 * np.sqrt((peaks**2).mean())


def test_the_pitch_that_it_hears_is_the_one_it_takes(network: Vocos) -> None:
    x = features(2, 1, 80, 16)
    torch.testing.assert_close(network(x), network(x, decode_pitch(network.pitch(x))))


def test_the_loss_of_the_sound_leaves_the_pitch_alone(network: Vocos) -> None:
    network(features(2, 1, 80, 8)).square().sum().backward()
    assert all(p.grad is None for p in network.pitch.parameters())
    rest = {n: p for n, p in network.named_parameters() if not n.startswith("pitch.")}
    assert not [n for n, p in rest.items() if p.grad is None or not p.grad.any()]


def silent(network: Vocos) -> Vocos:
    """With filters that change nothing."""
    torch.nn.init.zeros_(network.head.weight)
    return network.eval()


def test_an_item_does_not_see_its_batch_mates(network: Vocos) -> None:
    x, network = features(3, 1, 80, 16).double(), network.double()
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"blocks": -1}, {"kernel": 4}, {"pitch_blocks": 0}]
)
def test_impossible_shapes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VocosConfig(**wrong)
