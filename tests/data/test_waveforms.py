import logging

import numpy as np
import pytest
import soundfile
import torch

from scoresubnet.audio.io import SILENCE_PEAK, fit_length, read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.clips import Clip
from scoresubnet.data.features import build_features
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.data.waveforms import build_waveforms, from_int16, to_int16


def build(clips, folder, settings=None):
    return build_waveforms(clips, folder, settings, progress=False)


def one(path) -> Clip:
    return Clip(path, "yes", "training", "folder")


def test_waveforms_of_all_kinds_of_files(clips, tmp_path):
    """Read, mixed down, resampled and cropped as elsewhere; off by half a step at most."""
    result = build(clips, tmp_path / "cache")
    assert result.audio.shape == (3, 16_000)
    assert result.audio.dtype == np.int16
    assert isinstance(result.audio, np.memmap)
    assert not result.audio.flags.writeable
    assert result.words == ("no", "yes")
    assert result.labels.tolist() == [1, 0, 1]
    assert result.splits.tolist() == ["training", "validation", "training"]
    assert result.sources.tolist() == ["folder"] * 3
    assert result.clips == clips
    expected = np.stack([fit_length(read_audio(clip.path), 16_000) for clip in clips])
    assert np.abs(result.audio / 32_768 - expected).max() <= 0.5 / 32_768
    assert np.abs(result.audio).max(axis=1) == pytest.approx(0.3 * 32_768, rel=0.05)


def test_files_of_16_bit_come_back_exactly(tmp_path):
    steps = np.random.default_rng(0).integers(-32_768, 32_768, 16_000).astype(np.int16)
    steps[:5] = [-32_768, 32_767, -1, 0, 1]
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, steps, 16_000, subtype="PCM_16")
        result = build([one(tmp_path / name)], tmp_path / "cache")
        np.testing.assert_array_equal(result.audio[0], steps)


def test_too_loud_sound_saturates(tmp_path):
    """It does not wrap around."""
    audio = np.zeros(16_000, dtype=np.float32)
    audio[:6] = [1.0, -1.0, 1.5, -1.5, 100.0, -100.0]
    soundfile.write(tmp_path / "a.wav", audio, 16_000, subtype="FLOAT")
    result = build([one(tmp_path / "a.wav")], tmp_path / "cache")
    assert result.audio[0, :7].tolist() == [32_767, -32_768] * 3 + [0]


def test_rounding_is_to_the_nearest_step():
    audio = np.array([1.4, 1.6, -1.4, -1.6, 32_766.6, 32_767.4], dtype=np.float32) / 32_768
    assert to_int16(audio).tolist() == [1, 2, -1, -2, 32_767, 32_767]


def test_every_step_is_a_float_and_back():
    steps = np.arange(-32_768, 32_768).astype(np.int16)
    audio = from_int16(steps)
    assert audio.dtype == np.float32
    assert audio[[0, 32_768, -1]].tolist() == [-1.0, 0.0, 1 - 2**-15]
    np.testing.assert_array_equal(to_int16(audio), steps)


def test_what_is_not_silent_does_not_become_silent(clips, tmp_path, caplog):
    """The faintest sound that is let through has a few steps left."""
    time = np.arange(16_000) / 16_000
    for name, peak in (("faint", 1.05 * SILENCE_PEAK), ("silent", 0.95 * SILENCE_PEAK)):
        tone = peak * np.sin(2 * np.pi * 400 * time)
        soundfile.write(tmp_path / f"{name}.wav", tone, 16_000, subtype="FLOAT")
    with caplog.at_level(logging.WARNING):
        result = build([one(tmp_path / "faint.wav"), one(tmp_path / "silent.wav")], tmp_path / "c")
    assert [path.name for path, _ in result.skipped] == ["silent.wav"]
    assert "skipped 1 of 2 clips" in caplog.text
    assert np.abs(result.audio).max() == 3


def test_only_rate_and_length_count(clips, tmp_path, read):
    build(clips, tmp_path / "cache")
    build(clips, tmp_path / "cache", MelSettings(log_max=3.0, n_mels=40))
    assert len(read) == 3
    assert build(clips, tmp_path / "cache", MelSettings(clip_seconds=0.5)).audio.shape == (3, 8_000)
    assert len(read) == 6
    half_rate = MelSettings(sample_rate=8_000, f_max=4_000.0, clip_seconds=2.0)
    assert build(clips, tmp_path / "cache", half_rate).audio.shape == (3, 16_000)
    assert len(read) == 9


def test_log_mels_of_the_waveforms_are_the_features(clips, tmp_path):
    """From the same folder of caches, each by its own key."""
    features = build_features(clips, ("no", "yes"), tmp_path / "cache", progress=False)
    waveforms = build(clips, tmp_path / "cache")
    x = LogMel()(torch.from_numpy(from_int16(waveforms.audio)))[:, 0].numpy()
    loud = features.x > -0.3
    assert loud.mean() > 0.1
    np.testing.assert_allclose(x[loud], features.x[loud], atol=2e-3)


def test_no_usable_clip_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no clips to build waveforms of"):
        build([], tmp_path)
    with pytest.raises(ValueError, match=r"none of the 1 clips is usable.*absent"):
        build([one(tmp_path / "absent.wav")], tmp_path)


def test_real_recordings(recordings, tmp_path):
    """Speech Commands is of 16 bits at 16 kHz: nothing is lost, and zeros are put around."""
    clips = find_speech_commands(recordings / "speech_commands", ["happy"])[:20]
    result = build(clips, tmp_path)
    assert not result.skipped
    for row, clip in zip(result.audio, clips, strict=True):
        steps, rate = soundfile.read(clip.path, dtype="int16")
        assert rate == 16_000
        np.testing.assert_array_equal(row, fit_length(steps, 16_000))
