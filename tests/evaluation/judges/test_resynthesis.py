import math
import sys

import librosa
import numpy as np
import pytest
import scipy.signal

from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.audio.spectra import LEAST_POWER, RESOLUTIONS
from scoresubnet.data.clips import list_audio
from scoresubnet.evaluation.judges.resynthesis import (
    log_mel_l1,
    multi_resolution_stft,
    pesq_wb,
    stoi,
)
from scoresubnet.evaluation.judges.waveforms import Unmeasurable

EVERY = (log_mel_l1, multi_resolution_stft, pesq_wb, stoi)
# P.862.2 maps the greatest raw score, 4.5, to this.
BEST_PESQ = 0.999 + 4 / (1 + math.exp(-1.3669 * 4.5 + 3.8224))


@pytest.fixture(scope="module")
def noise() -> Audio:
    """A second of it, loud enough that no bin or band is near a floor."""
    return (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)


@pytest.fixture(scope="module")
def word(recordings) -> Audio:
    """A long one, which every measure can use."""
    path = list_audio(recordings / "speech_commands" / "seven")[0]
    return fit_length(read_audio(path), 16_000)


def test_a_clip_equals_itself(word):
    assert log_mel_l1(word, word) == 0
    assert multi_resolution_stft(word, word) == 0
    assert pesq_wb(word, word) == pytest.approx(BEST_PESQ, abs=1e-6)
    assert round(BEST_PESQ, 3) == 4.644
    assert stoi(word, word) == pytest.approx(1)


def test_distances_of_a_scaled_clip_on_paper(noise):
    for gain in (2.0, 0.5):
        assert log_mel_l1(noise, gain * noise) == pytest.approx(math.log(2), abs=1e-5)
        # Convergence |1 - gain|, log magnitude |ln gain|.
        assert multi_resolution_stft(noise, gain * noise) == pytest.approx(
            abs(1 - gain) + math.log(2), abs=1e-5
        )
    # Magnitudes know no sign.
    assert log_mel_l1(noise, -noise) == pytest.approx(0, abs=1e-6)
    assert multi_resolution_stft(noise, -noise) == pytest.approx(0, abs=1e-9)


def test_level_does_not_matter_to_pesq_and_stoi(word):
    assert pesq_wb(word, 0.5 * word) == pytest.approx(BEST_PESQ, abs=0.01)
    assert stoi(word, 0.5 * word) == pytest.approx(1, abs=1e-6)


def test_nothing_differs_below_the_floors():
    faint = 1e-8 * np.random.default_rng(0).standard_normal(16_000)
    assert log_mel_l1(faint, 3 * faint) == 0
    assert multi_resolution_stft(faint, 3 * faint) == 0


@pytest.mark.parametrize("measure", EVERY)
def test_noise_makes_it_worse_and_worse(measure, word, noise):
    values = [measure(word, word + gain * noise) for gain in (0.0, 0.002, 0.01, 0.05)]
    assert values == sorted(values, reverse=measure in (pesq_wb, stoi))
    assert len(set(values)) == len(values)


def test_log_mel_l1_agrees_with_librosa(word, noise):
    made = word + 0.1 * noise

    def log_mel(audio):
        bands = librosa.feature.melspectrogram(
            y=audio, sr=16_000, n_fft=1024, hop_length=256, n_mels=80, power=1, pad_mode="reflect"
        )
        return np.log(np.maximum(bands, 1e-5))

    expected = np.abs(log_mel(word) - log_mel(made)).mean()
    assert log_mel_l1(word, made) == pytest.approx(expected, rel=1e-4)
    higher = LogMel(MelSettings(floor=1e-2))
    assert log_mel_l1(word, made, higher) < 0.9 * log_mel_l1(word, made)


def numpy_distance(original: Audio, made: Audio, n_fft: int, hop: int, window: int) -> float:
    """Parallel WaveGAN, eqs. 4 and 5, by numpy alone."""
    side = (n_fft - window) // 2
    hann = np.pad(scipy.signal.windows.hann(window, sym=False), side)

    def magnitudes(audio):
        padded = np.pad(audio.astype(np.float64), n_fft // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
        power = np.abs(np.fft.rfft(frames * hann)) ** 2
        return np.sqrt(np.maximum(power, LEAST_POWER))

    a, b = magnitudes(original), magnitudes(made)
    return np.sqrt(((a - b) ** 2).sum() / (a**2).sum()) + np.abs(np.log(a) - np.log(b)).mean()


def test_stft_distance_agrees_with_numpy(word, noise):
    made = word + 0.1 * noise
    each = [numpy_distance(word, made, *resolution) for resolution in RESOLUTIONS]
    assert multi_resolution_stft(word, made) == pytest.approx(np.mean(each), rel=1e-9)
    assert len({round(distance, 3) for distance in each}) == 3


def test_pesq_and_stoi_compare_the_made_with_the_original(word, noise):
    """They are not symmetric: the arguments must not be swapped on the way."""
    from pesq import pesq
    from pystoi import stoi as reference

    made = word + 0.1 * noise
    assert pesq_wb(word, made) == pytest.approx(pesq(16_000, word, made, "wb"), abs=1e-6)
    assert pesq_wb(word, made) != pesq_wb(made, word)
    assert stoi(word, made) == pytest.approx(reference(word, made, 16_000), abs=1e-6)
    assert stoi(word, made) != stoi(made, word)


@pytest.mark.parametrize("measure", EVERY)
def test_a_shorter_resynthesis_is_compared_with_as_much_of_the_original(measure, word, noise):
    made = word + 0.1 * noise
    cut = made[:-128].copy()
    assert measure(word, cut) == measure(word[:-128], cut)
    with pytest.raises(ValueError, match="are no pair"):
        measure(word, made[:-1025])


@pytest.mark.parametrize("measure", EVERY)
def test_the_arguments_stay_as_they_are(measure, word, noise):
    original, made = word.copy(), word + 0.1 * noise
    kept = made.copy()
    first = measure(original, made)
    np.testing.assert_array_equal(original, word)
    np.testing.assert_array_equal(made, kept)
    measure(noise, noise)
    assert measure(original, made) == first


def test_clips_without_speech_have_no_pesq(noise):
    blip, silence = np.zeros(16_000), np.zeros(16_000)
    blip[8000:8400] = 0.3 * np.sin(np.arange(400) / 3)
    with pytest.raises(Unmeasurable, match="no speech"):
        pesq_wb(blip, blip)
    for pair in ((silence, silence), (noise, silence), (silence, noise)):
        with pytest.raises(Unmeasurable, match="silent"):
            pesq_wb(*pair)
    with pytest.raises(Unmeasurable, match="quarter of a second"):
        pesq_wb(noise[:3900], noise[:3900])


def test_short_words_have_no_stoi(noise):
    """`pystoi` gives 1e-5 for them, which would pull every mean down."""
    for length, expected in ((4000, None), (12_000, 1)):
        burst = np.zeros(16_000)
        burst[2000 : 2000 + length] = noise[:length]
        if expected is None:
            with pytest.raises(Unmeasurable, match="30 frames"):
                stoi(burst, burst)
        else:
            assert stoi(burst, burst) == pytest.approx(expected)
    with pytest.raises(Unmeasurable, match="silent"):
        stoi(np.zeros(16_000), noise)
    assert stoi(noise, np.zeros(16_000)) == 0


def test_too_short_clips_are_refused(noise):
    with pytest.raises(ValueError, match="1024 samples is too short"):
        multi_resolution_stft(noise[:1024], noise[:1024])
    with pytest.raises(ValueError, match="512 samples"):
        log_mel_l1(noise[:512], noise[:512])


@pytest.mark.parametrize(("measure", "package"), [(pesq_wb, "pesq"), (stoi, "pystoi")])
def test_a_missing_package_says_what_to_install(measure, package, noise, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'{package}: pip install "scoresubnet\[evaluate\]"'):
        measure(noise, noise)
