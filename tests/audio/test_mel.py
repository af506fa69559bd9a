import dataclasses
import math
from typing import Any

import librosa
import numpy as np
import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings, mel_filterbank

OTHERS: dict[str, Any] = {
    "sample_rate": 16_002,
    "n_fft": 2048,
    "win_length": 1000,
    "hop_length": 260,
    "n_mels": 64,
    "f_min": 20.0,
    "f_max": 7600.0,
    "power": 2.0,
    "floor": 1e-4,
    "log_max": 3.0,
    "frames": 80,
    "clip_seconds": 0.9,
}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "settings", [MelSettings(), MelSettings(n_fft=2048, n_mels=64, f_min=50.0, f_max=7000.0)]
)
def test_filterbank_is_librosas(settings):
    expected = librosa.filters.mel(
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
        fmin=settings.f_min,
        fmax=settings.f_max,
    )
    filters = mel_filterbank(settings)
    assert filters.shape == (settings.n_mels, settings.n_fft // 2 + 1)
    assert filters.dtype == np.float32
    np.testing.assert_allclose(filters, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("settings", [MelSettings(), MelSettings(power=2.0, win_length=800)])
def test_log_mel_is_librosas(settings):
    audio = noise(2, 20_000)
    expected = librosa.feature.melspectrogram(
        y=audio.numpy(),
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        win_length=settings.win_length,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        fmin=settings.f_min,
        fmax=settings.f_max,
        power=settings.power,
        pad_mode="reflect",
    )
    for made in (LogMel(settings).log_mel(audio), LogMel(settings).log_mel(audio.numpy())):
        np.testing.assert_allclose(made, np.log(np.maximum(expected, 1e-5)), atol=2e-4)


@pytest.mark.parametrize(
    "numbers", [{}, {"win_length": 801}, {"hop_length": 260, "clip_seconds": 0.9, "power": 2.0}]
)
def test_the_stft_is_torchs(numbers: dict[str, Any]) -> None:
    s = MelSettings(**numbers)
    audio, window = noise(2, 5_000), torch.hann_window(s.win_length)
    expected = torch.stft(
        audio, s.n_fft, s.hop_length, s.win_length, window, pad_mode="reflect", return_complex=True
    )
    torch.testing.assert_close(LogMel(s).stft(audio), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("samples", [9_000, 16_000])
def test_numpy_gives_what_torch_gives(samples: int) -> None:
    front_end, audio = LogMel(), noise(3, samples)
    on_torch, on_numpy = front_end(audio), front_end(audio.numpy())
    assert isinstance(on_torch, torch.Tensor)
    assert isinstance(on_numpy, np.ndarray)
    assert on_numpy.dtype == np.float32
    assert front_end.stft(audio.numpy()).dtype == np.complex64
    np.testing.assert_allclose(on_numpy, on_torch, rtol=0, atol=1e-5)
    log_mel = front_end.unscale(on_torch)
    np.testing.assert_allclose(front_end.unscale(on_numpy), log_mel, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(front_end.scale(log_mel.numpy()), front_end.scale(log_mel))


def test_it_works_where_the_audio_is() -> None:
    """On "meta" there are shapes alone; there as on a GPU, its own arrays are copied once."""
    front_end = LogMel()
    for count in (1, 2):
        x = front_end(torch.zeros(count, 16_000, device="meta"))
        assert (x.shape, x.device.type) == ((count, 1, 80, 64), "meta")
    assert front_end(torch.zeros(16_000)).device.type == "cpu"


def test_gradients_go_through_it_after_inference_mode() -> None:
    front_end, audio = LogMel(), noise(1, 4_000)
    with torch.inference_mode():
        front_end(audio)
    audio.requires_grad_()
    front_end(audio).sum().backward()
    assert audio.grad is not None
    assert audio.grad.abs().max() > 0


@pytest.mark.parametrize("samples", [16_128, 16_000, 9_000, 1])
def test_features_have_one_shape_and_range(samples):
    x = LogMel()(noise(3, samples))
    assert x.shape == (3, 1, 80, 64)
    assert x.dtype == torch.float32
    assert -1 <= x.min() < x.max() <= 1


def test_one_signal_is_a_batch_of_one_and_float64_is_accepted():
    audio = noise(16_000)
    x = LogMel()(audio.double())
    assert x.dtype == torch.float32
    torch.testing.assert_close(x, LogMel()(audio[None]))


def test_zeros_are_appended_not_prepended():
    audio = noise(1, 8_000)
    whole = torch.cat([audio, torch.zeros(1, 8_128)], dim=1)
    torch.testing.assert_close(LogMel()(audio), LogMel()(whole))


def test_silence_is_minus_one_and_overload_is_one():
    assert LogMel()(torch.zeros(16_000)).eq(-1).all()
    assert LogMel()(1000 * noise(16_000)).eq(1).any()


def test_too_long_audio_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"16129 samples.*fit_length\(audio, 16000\)"):
        LogMel()(torch.zeros(1, 16_129))


def test_audio_below_half_a_window_is_refused():
    with pytest.raises(ValueError, match="needs more than 512"):
        LogMel().log_mel(torch.zeros(1, 512))


@pytest.mark.parametrize("shape", [(), (1, 1, 16_000)])
def test_audio_of_other_dimensions_is_refused(shape):
    with pytest.raises(ValueError, match=r"\(B, N\)"):
        LogMel()(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"\(B, N\)"):
        LogMel().log_mel(torch.zeros(shape))


def test_scaling_round_trip():
    front_end = LogMel()
    log_mel = torch.linspace(math.log(1e-5), front_end.settings.log_max, 80 * 64).view(1, 80, 64)
    x = front_end.scale(log_mel)
    assert x.shape == (1, 1, 80, 64)
    assert x.min() == -1
    assert x.max() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(front_end.unscale(x), log_mel, rtol=0, atol=1e-5)


def test_scaling_clamps_both_ends():
    log_mel = torch.tensor([-20.0, 20.0]).view(1, 2, 1).expand(1, 2, 64)
    assert LogMel().scale(log_mel)[0, 0, :, 0].tolist() == [-1, 1]


def test_hash_is_stable_short_and_changes_with_every_setting():
    assert set(OTHERS) == {field.name for field in dataclasses.fields(MelSettings)}
    hashes = {MelSettings(**{name: value}).hash for name, value in OTHERS.items()}
    hashes.add(MelSettings().hash)
    assert len(hashes) == len(OTHERS) + 1
    assert all(len(h) == 16 and int(h, 16) >= 0 for h in hashes)
    assert MelSettings(f_min=0, f_max=8000).hash == MelSettings().hash
    # Frozen: shipped weights and cached features are tied to this recipe.
    assert MelSettings().hash == "21ba2164d02696ae"


def test_dict_round_trip():
    settings = MelSettings(**OTHERS)
    assert MelSettings.from_dict(settings.to_dict()) == settings


def test_dict_is_read_strictly():
    values = MelSettings().to_dict()
    with pytest.raises(ValueError, match=r"unknown Mel setting 'hop_lenght'; .*: hop_length, "):
        MelSettings.from_dict({**values, "hop_lenght": 1})
    with pytest.raises(ValueError, match=r"'colour'; nearest first, there are: .*sample_rate"):
        MelSettings.from_dict({**values, "colour": 1})
    del values["floor"]
    with pytest.raises(ValueError, match=r"missing Mel settings: .*floor"):
        MelSettings.from_dict(values)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_mels": 0}, "n_mels must be positive"),
        ({"hop_length": 2048}, "hop_length <= win_length"),
        ({"f_max": 9000.0}, "f_max <= sample_rate / 2"),
        ({"log_max": -12.0}, r"log_max must exceed log\(floor\)"),
        ({"frames": 32}, "raise frames or shorten clip_seconds"),
    ],
)
def test_contradicting_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        MelSettings(**wrong)
