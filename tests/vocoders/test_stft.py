"""The STFT that is made for many rounds agrees with the front end's, and with torch's inverse."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.stft import RepeatedSTFT


@pytest.mark.parametrize("numbers", [{}, {"win_length": 800}, {"hop_length": 200}])
def test_it_is_that_of_the_front_end_each_time(numbers: dict[str, int]) -> None:
    front_end = LogMel(MelSettings(**numbers, clip_seconds=0.5))
    s, random = front_end.settings, np.random.default_rng(3)
    stft = RepeatedSTFT(s, 20, 3)
    for _ in range(2):
        parts = random.standard_normal((3, 20, 2 * (s.n_fft // 2 + 1)), np.float32)
        spectrum: NDArray[np.complex64] = parts.view(np.complex64)
        audio = stft.synthesis(spectrum)
        expected = torch.istft(
            torch.from_numpy(spectrum).mT,
            s.n_fft,
            s.hop_length,
            s.win_length,
            torch.hann_window(s.win_length),
        )
        np.testing.assert_allclose(audio, expected, rtol=1e-4, atol=1e-5)
        found: Any = stft.analysis(audio)
        np.testing.assert_allclose(found.mT, front_end.stft(audio), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(stft.consistent(spectrum), found, rtol=1e-4, atol=1e-4)
        assert audio.dtype == np.float32
        assert found.dtype == np.complex64


def test_audio_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"audio is of shape \(5000,\); give \(1, 4864\)"):
        RepeatedSTFT(MelSettings(), 20).analysis(np.zeros(5000, np.float32))


@pytest.mark.parametrize("frames", [4, 64])
def test_few_and_many_frames(frames: int) -> None:
    audio = np.random.default_rng(1).standard_normal((1, (frames - 1) * 256), np.float32)
    stft = RepeatedSTFT(MelSettings(), frames)
    np.testing.assert_allclose(stft.synthesis(stft.analysis(audio)), audio, rtol=1e-4, atol=1e-4)


def test_a_factor_is_the_front_end_of_a_lower_rate() -> None:
    low = LogMel(MelSettings(2000, 128, 128, 32, 20, f_max=1000.0))
    audio = np.random.default_rng(1).standard_normal((2, 19 * 32), np.float32)
    found = RepeatedSTFT(MelSettings(), 20, 2, factor=8).analysis(audio)
    np.testing.assert_allclose(found.mT, low.stft(audio), rtol=1e-4, atol=1e-4)
