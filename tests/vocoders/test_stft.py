"""The STFT that is made for many rounds agrees with torch's."""

import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.stft import RepeatedSTFT


@pytest.mark.parametrize("numbers", [{}, {"win_length": 800}, {"hop_length": 200}])
def test_it_is_that_of_the_front_end_each_time(numbers: dict[str, int]) -> None:
    front_end = LogMel(MelSettings(**numbers, clip_seconds=0.5))  # type: ignore[arg-type]
    stft = RepeatedSTFT(front_end.settings, 20, 3)
    generator = torch.Generator().manual_seed(3)
    bins, hop = front_end.settings.n_fft // 2 + 1, front_end.settings.hop_length
    for _ in range(2):
        spectrum = torch.randn(3, bins, 20, dtype=torch.complex64, generator=generator)
        audio = stft.synthesis(spectrum.mT)
        assert audio.shape == (3, 19 * hop)
        torch.testing.assert_close(audio, front_end.istft(spectrum), rtol=1e-4, atol=1e-5)
        found = stft.analysis(audio)
        torch.testing.assert_close(found.mT, front_end.stft(audio), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(stft.consistent(spectrum.mT), found, rtol=1e-4, atol=1e-4)


def test_audio_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"audio is of shape \(5000,\); give \(1, 4864\)"):
        RepeatedSTFT(MelSettings(), 20).analysis(torch.zeros(5000))


@pytest.mark.parametrize("frames", [4, 64])
def test_few_and_many_frames(frames: int) -> None:
    front_end = LogMel()
    audio = torch.randn(1, (frames - 1) * 256, generator=torch.Generator().manual_seed(1))
    stft = RepeatedSTFT(front_end.settings, frames)
    torch.testing.assert_close(stft.synthesis(stft.analysis(audio)), audio, rtol=1e-4, atol=1e-4)


def test_a_factor_is_the_front_end_of_a_lower_rate() -> None:
    low = LogMel(MelSettings(2000, 128, 128, 32, 20, f_max=1000.0))
    audio = torch.randn(2, 19 * 32, generator=torch.Generator().manual_seed(1))
    found = RepeatedSTFT(MelSettings(), 20, 2, factor=8).analysis(audio)
    torch.testing.assert_close(found.mT, low.stft(audio), rtol=1e-4, atol=1e-4)
