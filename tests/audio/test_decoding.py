"""Sound files whose headers are open, damaged or false, and what decoders throw."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from scoresubnet.audio import decoding
from scoresubnet.audio.io import AudioError, read_audio, read_blocks

RATE = 16_000


@pytest.fixture
def sound() -> np.ndarray:
    """A second of noise (16000,), in steps of 16 bits."""
    return (0.1 * np.random.default_rng(0).standard_normal(RATE) * 2**15).round() / 2**15


def wav(path: Path, sound: np.ndarray, at: int, layout: str, value: int) -> Path:
    """A 16-bit WAV with one number of its 44 bytes of header replaced."""
    soundfile.write(path, sound, RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, at, value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("block", [1000, 16_000, 2**18])
def test_a_flac_that_leaves_its_length_open_is_read_to_its_end(
    tmp_path: Path,
    sound: np.ndarray,
    flac: Callable[..., Path],
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "_BLOCK", block)
    assert (read_audio(flac(tmp_path / "a.flac", sound, claimed=0)) == sound).all()


@pytest.mark.parametrize("claimed", [RATE + 1, 2**33, 2**36 - 1])
def test_a_flac_that_claims_more_than_there_is_is_named(
    tmp_path: Path, sound: np.ndarray, flac: Callable[..., Path], claimed: int
) -> None:
    with pytest.raises(AudioError, match=r"a\.flac: the file is cut short"):
        read_audio(flac(tmp_path / "a.flac", sound, claimed))


def test_a_wav_that_claims_more_than_there_is_is_named(tmp_path: Path, sound: np.ndarray) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, RATE)
    path.write_bytes(path.read_bytes()[:-66])
    with pytest.raises(AudioError, match=r"a\.wav: the file is cut short"):
        next(read_blocks(path))  # before anything is made of it


@pytest.mark.parametrize("after", [b"", b"LIST\x04\0\0\0INFO"])
@pytest.mark.parametrize("more", [1, 2, 8, 36, 44])
def test_a_wav_that_claims_a_few_bytes_too_many_is_read(
    tmp_path: Path, sound: np.ndarray, more: int, after: bytes
) -> None:
    """The writer counted a header in; what follows the samples may be taken for some."""
    path = wav(tmp_path / "a.wav", sound, 40, "<I", 2 * RATE + more)
    path.write_bytes(path.read_bytes() + after)
    read = read_audio(path)
    assert (read[:RATE] == sound).all()
    assert len(read) <= RATE + len(after) // 2


@pytest.mark.parametrize("riff", [0, 36, 0x7FFF_F024, 0xFFFF_FFFF])
@pytest.mark.parametrize("data", [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_wav_whose_header_was_never_finished_is_read_to_its_end(
    tmp_path: Path, sound: np.ndarray, riff: int, data: int
) -> None:
    path = wav(tmp_path / "a.wav", sound, 40, "<I", data)
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 4, riff)
    path.write_bytes(content)
    assert (read_audio(path) == sound).all()


@pytest.mark.parametrize("after", [b"", b"LIST\x04\0\0\0INFO"])
def test_an_empty_wav_is_empty_whatever_follows(tmp_path: Path, after: bytes) -> None:
    path = wav(tmp_path / "a.wav", np.zeros(0), 4, "<I", 36 + len(after))
    path.write_bytes(path.read_bytes() + after)
    with pytest.raises(AudioError, match=r"a\.wav: the sound is empty"):
        read_audio(path)


def test_a_sound_of_less_than_a_sample_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.5, 0.5], 192_000)
    with pytest.raises(AudioError, match=r"a\.wav: the sound is shorter than a sample at 16000 Hz"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [0, 1, 999, 2**31 - 1, 2**32 - 1])
def test_a_rate_that_no_sound_has_is_named(tmp_path: Path, sound: np.ndarray, rate: int) -> None:
    """At 1 Hz, a second of sound would become 256 million samples."""
    with pytest.raises(AudioError, match=r"a\.wav: .*(samples a second|not a readable)"):
        read_audio(wav(tmp_path / "a.wav", sound, 24, "<I", rate))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 3])
def test_blocks_together_are_the_whole_signal_to_the_bit(
    tmp_path: Path, rate: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = np.random.default_rng(0).standard_normal((10_000, channels)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", signal, rate, subtype="FLOAT")
    monkeypatch.setattr(decoding, "_BLOCK", 3001)
    blocks = list(read_blocks(tmp_path / "a.wav", 16_000))
    assert len(blocks) > 3
    whole = soxr.resample(signal.mean(axis=1), rate, 16_000)
    assert np.array_equal(np.concatenate(blocks), whole)
    assert np.array_equal(read_audio(tmp_path / "a.wav", 16_000), whole)


@pytest.mark.parametrize(
    "error", [MemoryError(), ValueError("array is too big"), RuntimeError("x"), OverflowError()]
)
def test_whatever_a_decoder_throws_is_named(
    tmp_path: Path, sound: np.ndarray, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    soundfile.write(tmp_path / "a.wav", sound, RATE)
    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    reason = str(error) or type(error).__name__
    with pytest.raises(AudioError, match=rf"a\.wav: not a readable sound file \({reason}\)"):
        read_audio(tmp_path / "a.wav")


def test_an_interruption_is_no_broken_file(
    tmp_path: Path, sound: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    soundfile.write(tmp_path / "a.wav", sound, RATE)
    monkeypatch.setattr(soundfile.SoundFile, "read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, 3e38, -1e12])
def test_samples_that_are_no_sound_are_named(
    tmp_path: Path, sound: np.ndarray, value: float
) -> None:
    sound[5] = value
    soundfile.write(tmp_path / "a.wav", np.stack([sound, -sound], 1), RATE, subtype="DOUBLE")
    with pytest.raises(AudioError, match=r"a\.wav: the sound has NaN, infinite or enormous"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_channels_that_cancel_each_other_are_said_to(
    tmp_path: Path, sound: np.ndarray, offset: float, rate: int
) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([offset + sound, offset - sound], 1), rate)
    with pytest.raises(AudioError, match=r"a\.wav: its channels cancel each other"):
        read_audio(tmp_path / "a.wav")


def test_silence_does_not_cancel(tmp_path: Path, sound: np.ndarray) -> None:
    """Nor does one channel that is so quiet that half of it counts as silence."""
    for channel in (0 * sound, 1.5e-4 * np.sign(sound)):
        soundfile.write(tmp_path / "a.wav", np.stack([channel, 0 * sound], 1), RATE, "FLOAT")
        assert np.abs(read_audio(tmp_path / "a.wav")).max() <= 1e-4


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
@pytest.mark.parametrize("name", ["h\udcf6ren.wav", "h\udcf6ren.flac", "hören.wav"])
def test_a_name_need_not_be_utf_8(tmp_path: Path, sound: np.ndarray, name: str) -> None:
    soundfile.write(tmp_path / f"a{name[-5:]}", sound, RATE)
    (tmp_path / f"a{name[-5:]}").rename(tmp_path / name)
    assert (read_audio(tmp_path / name) == sound).all()
