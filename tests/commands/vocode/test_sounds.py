"""Recordings through their log-Mels, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scoresubnet.vocoders import GriffinLim, resynthesise
from tests.commands.vocode.typed import files, save, tone, vocode


def test_a_file_becomes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save(tmp_path / "a.wav")
    before = source.read_bytes()
    target = tmp_path / "new" / "b.WAV"
    assert vocode(source, target) == 0
    info = soundfile.info(target)
    assert (info.samplerate, info.frames, info.channels) == (16_000, 8_000, 1)
    assert info.subtype == "PCM_16"
    written, _ = soundfile.read(target, dtype="float32")
    expected = resynthesise(soundfile.read(source, dtype="float32")[0], GriffinLim(iterations=2))
    np.testing.assert_allclose(written, expected, rtol=0, atol=1 / 32_000)
    assert source.read_bytes() == before
    printed = capsys.readouterr()
    assert f"{target}: 0.50 s of sound in " in printed.out
    assert "1/1" in printed.err


def test_a_file_goes_into_a_folder_under_its_own_name(tmp_path: Path) -> None:
    assert vocode(save(tmp_path / "a.b.flac"), tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["a.b.wav"]


@pytest.mark.parametrize(("samples", "rate"), [(1, 16_000), (300, 16_000), (40_001, 16_000)])
def test_any_length_is_kept(tmp_path: Path, samples: int, rate: int) -> None:
    assert vocode(save(tmp_path / "a.wav", tone(3)[:samples], rate), tmp_path / "b.wav") == 0
    assert soundfile.info(tmp_path / "b.wav").frames == samples


def test_other_rates_and_channels_become_16_khz_mono(tmp_path: Path) -> None:
    stereo = np.stack([tone(0.5, 44_100), tone(0.5, 44_100, 700)], axis=1)
    assert vocode(save(tmp_path / "a.wav", stereo, 44_100), tmp_path / "b.wav") == 0
    info = soundfile.info(tmp_path / "b.wav")
    assert (info.samplerate, info.frames, info.channels) == (16_000, 8_000, 1)


def test_a_folder_keeps_its_structure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words"
    for name in ("yes/1.wav", "yes/2.WAV", "no/deep/1.flac", "0.wav"):
        save(words / name)
    save(words / ".hidden.wav")
    save(words / ".cache/1.wav")
    (words / "notes.txt").write_text("not a sound")
    assert vocode(words, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["0.wav", "no/deep/1.wav", "yes/1.wav", "yes/2.wav"]
    printed = capsys.readouterr()
    assert f"4 wav files in {tmp_path / 'out'}: 2.00 s of sound" in printed.out
    assert "skipped" not in printed.out + printed.err


def test_json_is_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words"
    save(words / "good.wav")
    (words / "broken.wav").write_bytes(b"no sound")
    assert vocode(words, tmp_path / "out", "--json") == 0
    printed = capsys.readouterr().out
    result = json.loads(printed)
    wav = str(tmp_path / "out" / "good.wav")
    assert result["files"] == [{"source": str(words / "good.wav"), "wav": wav, "seconds": 0.5}]
    (skipped,) = result["skipped"]
    assert skipped["source"] == str(words / "broken.wav")
    assert "not a readable sound file" in skipped["reason"]
    assert (result["vocoder"], result["audio_seconds"]) == ("pitch", 0.5)
    (words / "good.wav").unlink()
    assert vocode(words, tmp_path / "out", "--json") == 1
    assert json.loads(capsys.readouterr().out)["files"] == []


def test_the_same_command_gives_the_same_file(tmp_path: Path) -> None:
    source = save(tmp_path / "a.wav")
    for out in ("b.wav", "c.wav"):
        assert vocode(source, tmp_path / out) == 0
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "c.wav").read_bytes()
