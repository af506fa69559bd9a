import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scoresubnet.audio import io
from scoresubnet.audio.io import AudioError, fit_length, is_silent, read_audio, write_wav


def sine(frequency: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def test_wav_round_trip_in_new_folders(tmp_path):
    audio = sine(440, 16_000)
    path = tmp_path / "a" / "b" / "c.wav"
    write_wav(path, audio, 16_000)
    assert soundfile.info(path).subtype == "PCM_16"
    assert os.listdir(path.parent) == ["c.wav"]
    read = read_audio(path)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, audio, atol=1e-4)


def test_written_audio_is_clipped_not_wrapped(tmp_path):
    write_wav(tmp_path / "a.wav", np.array([3.0, -3.0, 0.5]), 16_000)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), [1, -1, 0.5], atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_frequency_and_level(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", sine(1000, rate), rate)
    audio = read_audio(tmp_path / "a.wav", 16_000)
    assert len(audio) == 16_000
    assert audio.dtype == np.float32
    np.testing.assert_allclose(audio[500:-500], sine(1000, 16_000)[500:-500], atol=2e-3)


def test_channels_are_averaged(tmp_path):
    left, right = sine(300, 16_000), sine(500, 16_000)
    soundfile.write(tmp_path / "a.flac", np.stack([left, right], axis=1), 16_000)
    audio = read_audio(tmp_path / "a.flac")
    assert audio.shape == (16_000,)
    np.testing.assert_allclose(audio, (left + right) / 2, atol=1e-4)


@pytest.mark.parametrize("name", ["absent.wav", "broken.wav", "empty.wav", "nan.wav", "folder"])
def test_unusable_files_are_named(tmp_path, name):
    (tmp_path / "broken.wav").write_bytes(b"RIFF, but no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.array([0.1, np.nan]), 16_000, subtype="FLOAT")
    (tmp_path / "folder").mkdir()
    with pytest.raises(AudioError, match=name):
        read_audio(tmp_path / name)


def test_empty_file_of_another_rate_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 8_000)
    with pytest.raises(AudioError, match="empty"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_what_is_too_long_for_memory_is_named(tmp_path, monkeypatch, rate):
    monkeypatch.setattr(io, "LONGEST", 60)
    soundfile.write(tmp_path / "a.wav", np.zeros(60 * rate), rate)
    assert len(read_audio(tmp_path / "a.wav")) == 60 * 16_000
    soundfile.write(tmp_path / "a.wav", np.zeros(60 * rate + 1), rate)
    with pytest.raises(AudioError, match=r"a\.wav: longer than 1 minutes; cut it into pieces"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
def test_a_name_need_not_be_utf_8(tmp_path):
    write_wav(tmp_path / "h\udcf6ren" / "h\udcf6ren.wav", sine(440, 16_000), 16_000)
    assert os.listdir(tmp_path / "h\udcf6ren") == ["h\udcf6ren.wav"]
    assert len(read_audio(tmp_path / "h\udcf6ren" / "h\udcf6ren.wav")) == 16_000


def test_short_audio_is_centred():
    assert fit_length(np.ones(2, np.float32), 5).tolist() == [0, 1, 1, 0, 0]


def test_audio_of_the_right_length_is_kept():
    audio = sine(100, 16_000)
    np.testing.assert_array_equal(fit_length(audio, 16_000), audio)


@pytest.mark.parametrize("start", [0, 12_345, 32_000])
def test_long_audio_is_cropped_to_its_loudest_window(start):
    audio = np.full(48_000, 0.01, np.float32)
    audio[start : start + 16_000] += sine(200, 16_000)
    cropped = fit_length(audio, 16_000)
    np.testing.assert_array_equal(cropped, audio[start : start + 16_000])
    assert cropped.dtype == np.float32


def test_equal_windows_give_the_earliest():
    assert fit_length(np.array([0, 1, 0, 0, 1, 0], np.float32), 2).tolist() == [0, 1]


def test_silence():
    assert is_silent(np.zeros(100, np.float32))
    assert is_silent(np.full(100, 0.2, np.float32))  # a DC offset is no sound
    least = np.array([-1, 0, 1], np.float32) / 32_768
    assert is_silent(np.random.default_rng(0).choice(least, 16_000))
    assert not is_silent(np.float32(0.01) * sine(100, 16_000))


def test_failed_write_leaves_the_old_file_and_no_debris(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    write_wav(path, sine(440, 16_000), 16_000)
    before = path.read_bytes()

    def full_disk(file, content):
        file.write_text("half a file")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match=r"a\.wav: cannot be written: No space left on device; make"):
        write_wav(path, sine(880, 16_000), 16_000)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.wav"]


def test_file_appears_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    write_wav(path, sine(440, 16_000), 16_000)
    before = path.read_bytes()

    def refused(source, target):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), target)

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(OSError, match=r"a\.wav: cannot be written: Permission denied"):
        write_wav(path, sine(880, 16_000), 16_000)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("audio", [np.array([0.0, np.nan]), np.zeros((2, 100))])
def test_unusable_audio_is_not_written(tmp_path, audio):
    with pytest.raises(AudioError, match=r"a\.wav"):
        write_wav(tmp_path / "a.wav", audio, 16_000)
    assert not os.listdir(tmp_path)
