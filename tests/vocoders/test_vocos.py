"""Our vocoder's file and its adapter."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.tensor_files import WeightsError
from scoresubnet.vocoders import load_vocoder
from scoresubnet.vocoders.network import Vocos, VocosConfig
from scoresubnet.vocoders.vocos import (
    VocoderFile,
    VocosVocoder,
    first_hiss,
    read_vocoder,
    save_vocoder,
)


@pytest.fixture
def network() -> Vocos:
    torch.manual_seed(0)
    return Vocos(VocosConfig(16, 16, 1, 3, pitch_width=8, pitch_blocks=1), MelSettings())


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_a_clip_of_64_frames_is_a_second(network: Vocos) -> None:
    vocoder = VocosVocoder(network, iterations=0)
    x = noise(2, 1, 80, 64) / 8 - 0.4
    audio = vocoder(x)
    assert audio.shape == (2, 16_000)
    assert not audio.requires_grad
    torch.testing.assert_close(audio, network(x)[:, :16_000], rtol=0, atol=1e-4)


def test_loud_items_alone_are_scaled_down(network: Vocos, monkeypatch: pytest.MonkeyPatch) -> None:
    tone = torch.sin(torch.arange(15 * 256) / 10)
    spectrum = LogMel().stft(torch.stack([2 * tone, 0.5 * tone]))
    items = iter(spectrum.split(1))
    monkeypatch.setattr(network, "parts", lambda *given: (next(items), torch.zeros(1)))
    audio = VocosVocoder(network, iterations=0)(noise(2, 1, 80, 16))
    expected = torch.stack([tone, 0.5 * tone])[:, : audio.shape[1]]
    torch.testing.assert_close(audio, expected, rtol=0, atol=1e-3)


def test_iterations_bring_the_mel_bands_that_were_asked_for(network: Vocos) -> None:
    front_end = LogMel()
    tones = torch.sin(torch.arange(16_000) * torch.tensor([[0.1], [0.3]]))
    x = front_end(0.5 * tones)

    def distance(iterations: int) -> float:
        audio = VocosVocoder(network, iterations)(x)
        return (front_end(audio) - x).abs().mean().item()

    assert distance(16) < distance(4) < 0.6 * distance(0)


@pytest.mark.parametrize("frames", [21, 50])
def test_iterations_treat_each_item_alone(network: Vocos, two_threads: None, frames: int) -> None:
    vocoder = VocosVocoder(network)
    x = noise(11, 1, 80, frames).clamp(-2, 2) / 4
    together = vocoder(x)
    for k in (1, 3, 7):
        assert torch.equal(together[k : k + 1], vocoder(x[k : k + 1]))


def test_negative_iterations_are_refused(network: Vocos) -> None:
    with pytest.raises(ValueError, match="iterations must be >= 0, not -1"):
        VocosVocoder(network, -1)
    with pytest.raises(ValueError, match="iterations must be >= 0, not 1, -1"):
        VocosVocoder(network, 1, -1)


@pytest.mark.parametrize("shape", [(80, 64), (1, 80, 64), (1, 1, 79, 64), (0, 1, 80, 64)])
def test_other_shapes_are_refused(network: Vocos, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expects x of shape"):
        VocosVocoder(network)(torch.zeros(shape))


def test_a_file_comes_back_rounded_to_float16(network: Vocos, tmp_path: Path) -> None:
    save_vocoder(VocoderFile(network, {"data": "mine"}), tmp_path / "vocoder.safetensors")
    for source in (tmp_path, tmp_path / "vocoder.safetensors"):
        back = read_vocoder(source)
        assert back.notes == {"data": "mine"}
        assert back.network.mel == network.mel
        assert not back.network.training
        for a, b in zip(network.parameters(), back.network.parameters(), strict=True):
            assert b.dtype == torch.float32
            assert torch.equal(a.half().float(), b)


def rewrite(path: Path, drop: str | None = None, **metadata: str) -> None:
    with safe_open(path, "pt") as file:
        before = file.metadata()
    tensors = load_file(path)
    if drop:
        del tensors[drop]
    save_file(tensors, path, before | metadata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other/1"}, "format 'other/1'"),
        ({"mel_hash": "0" * 16}, "made for features 0000000000000000"),
        ({"config": "{}"}, "metadata is damaged"),
        ({"drop": "network.head.bias"}, "1 tensors missing"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused(
    change: dict[str, str], message: str, network: Vocos, tmp_path: Path
) -> None:
    path = tmp_path / "vocoder.safetensors"
    save_vocoder(VocoderFile(network), path)
    rewrite(path, **change)
    with pytest.raises(WeightsError, match=message):
        read_vocoder(path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no vocoder here"):
        read_vocoder(tmp_path)
    (tmp_path / "vocoder.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        read_vocoder(tmp_path)


def test_a_run_serves_by_name(network: Vocos, tmp_path: Path) -> None:
    save_vocoder(VocoderFile(network), tmp_path / "vocoder.safetensors")
    vocoder = load_vocoder(f"ours:{tmp_path}")
    assert vocoder.name == "ours"
    assert vocoder(noise(1, 1, 80, 64)).shape == (1, 16_000)
    with pytest.raises(ValueError, match="made for other Mel settings"):
        load_vocoder(f"ours:{tmp_path}", MelSettings(log_max=3.0))


def test_griffin_lim_starts_with_the_high_hiss_alone() -> None:
    share = first_hiss(MelSettings())[:, 0]
    hz = torch.linspace(0, 8000, 513)
    assert share.shape == (513,)
    assert (share[hz < 1500] < 0.03).all()
    assert share[hz == 3500].item() == pytest.approx(0.5)
    assert (share[hz > 6000] > 0.98).all()
    assert (share.diff() > 0).all()


def test_the_start_has_the_bands_and_the_phases_of_its_parts(
    network: Vocos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the voice is +1 and the hiss -2: plus at the bottom, minus at the top."""
    x = torch.linspace(0.2, -0.5, 80)[:, None].expand(1, 1, 80, 20)
    parts = torch.ones(1, 513, 20) + 0j, torch.full((1, 513, 20), -2.0) + 0j
    monkeypatch.setattr(network, "parts", lambda *given: parts)
    starts = []

    def seen(start: torch.Tensor, *rest: object) -> torch.Tensor:
        starts.append(start[0].T)
        return torch.zeros(1, 19 * 256)

    monkeypatch.setattr("scoresubnet.audio.vocos.griffin_lim", seen)
    VocosVocoder(network, 1, 0)(x)
    (start,) = starts
    assert (start[1:100].real > 0).all()
    assert (start[-100:-1].real < 0).all()
    front_end = LogMel()
    bands = (front_end.filters @ start.abs()).log()
    assert (bands - front_end.unscale(x)[0]).abs().mean() < 0.1


def test_the_low_bins_come_first_and_are_taken_over(
    network: Vocos, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.linspace(0.2, -0.5, 80)[:, None].expand(1, 1, 80, 20)
    low = noise(1, 19 * 32)
    given = []
    wanted = []

    def seen(start: torch.Tensor, fitted: Any, front_end: LogMel, *rest: object) -> torch.Tensor:
        given.append((start, front_end.settings.sample_rate, rest[0]))
        wanted.append(front_end.filters @ fitted(start.abs())[0].T)
        return low if front_end.settings.sample_rate == 2000 else torch.zeros(1, 19 * 256)

    monkeypatch.setattr("scoresubnet.audio.vocos.griffin_lim", seen)
    vocoder = VocosVocoder(network, 3, 5)
    vocoder(x)
    (first, low_rate, low_iterations), (second, rate, iterations) = given
    assert (low_rate, low_iterations, rate, iterations) == (2000, 5, 16_000, 3)
    assert first.shape == (1, 20, 65)
    assert second.shape == (1, 20, 513)
    assert vocoder.low is not None
    better = vocoder.low.stft(low).mT
    sure = 60  # the peak of the last whole band, 937.5 Hz
    torch.testing.assert_close(second[..., :sure], better[..., :sure], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(second[..., sure:65], first[..., sure:])
    # Both aim at the bands that were asked for; one update comes near.
    for found, bands in zip(wanted, (24, 79), strict=True):
        expected = LogMel().unscale(x)[0, :bands].exp()
        assert (found[:bands] / expected).log().abs().mean() < 0.3
    given.clear()
    VocosVocoder(network, 3, 0)(x)
    torch.testing.assert_close(given[0][0][..., :65], first)
