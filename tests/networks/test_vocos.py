"""Vocos: the inverse STFT against the analysis, shapes, and the reach of a frame."""

import librosa
import numpy as np
import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.networks.vocos import ConvNeXtBlock, Vocos, VocosConfig

TINY = VocosConfig(width=16, hidden=24, blocks=2, kernel=3)


@pytest.fixture
def network() -> Vocos:
    torch.manual_seed(0)
    return Vocos(TINY, MelSettings()).eval()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("frames", [4, 64, 101])
def test_any_length(network: Vocos, frames: int) -> None:
    audio = network(noise(2, 1, 80, frames))
    assert audio.shape == (2, (frames - 1) * 256)
    assert audio.dtype == torch.float32


def test_the_inverse_stft_undoes_the_analysis(
    network: Vocos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the spectrum of a sound, the network must return that sound."""
    audio = noise(2, 63 * 256)
    spectrum = LogMel().stft(audio)
    monkeypatch.setattr(network, "spectrum", lambda x: spectrum)
    torch.testing.assert_close(network(noise(2, 1, 80, 64)), audio, rtol=0, atol=1e-5)


def test_the_inverse_stft_agrees_with_librosa(network: Vocos) -> None:
    """On a spectrum that no sound has, which both project alike."""
    x = noise(1, 1, 80, 32)
    with torch.no_grad():
        spectrum, audio = network.spectrum(x)[0].numpy(), network(x)[0].numpy()
    expected = librosa.istft(spectrum, hop_length=256, n_fft=1024, window="hann", center=True)
    np.testing.assert_allclose(audio, expected, atol=1e-5)


def test_magnitudes_cannot_explode(network: Vocos) -> None:
    with torch.no_grad():
        network.head.bias[:513] = 1e4
    assert network.spectrum(noise(1, 1, 80, 8)).abs().max() <= np.exp(6.0) * 1.001
    assert torch.isfinite(network(noise(1, 1, 80, 8))).all()


def test_an_item_does_not_see_its_batch_mates(network: Vocos) -> None:
    x = noise(3, 1, 80, 16)
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=0, atol=1e-5)


def test_a_frame_reaches_its_neighbours_alone(network: Vocos) -> None:
    """Input convolution and two blocks of kernel 3: three frames to each side."""
    x = noise(1, 1, 80, 32)
    other = x.clone()
    other[..., 16] += 1
    with torch.no_grad():
        change = (network.spectrum(x) - network.spectrum(other)).abs().amax(dim=(0, 1))
    assert change.nonzero().flatten().tolist() == list(range(13, 20))


def test_blocks_start_near_the_identity() -> None:
    torch.manual_seed(0)
    h = noise(2, 10, 16)
    assert torch.equal(ConvNeXtBlock(16, 24, 3, 0.0)(h), h)


def test_every_parameter_gets_a_gradient(network: Vocos) -> None:
    network(noise(2, 1, 80, 8)).square().sum().backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


@pytest.mark.parametrize("wrong", [{"width": 0}, {"blocks": 0}, {"kernel": 4}])
def test_impossible_shapes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VocosConfig(**wrong)
