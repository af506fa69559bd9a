"""`scoresubnet vocode`, as a user types it."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from torch import Tensor

from scoresubnet import vocoders as vocoder
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.cli import main
from scoresubnet.vocoders import GriffinLim, resynthesise


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Griffin-Lim of two iterations."""

    def factory(settings: MelSettings, where: str | None) -> GriffinLim:
        return GriffinLim(settings, iterations=2)

    monkeypatch.setitem(vocoder.VOCODERS, "pitch", factory)


def tone(seconds: float = 0.5, rate: int = 16_000, frequency: float = 440) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return 0.3 * np.sin(2 * np.pi * frequency * time)


def save(path: Path, audio: np.ndarray | None = None, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone() if audio is None else audio, rate)
    return path


def vocode(*arguments: str | Path) -> int:
    return main(["vocode", *map(str, arguments)])


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def x() -> Tensor:
    """Three log-Mels of 20 frames, 4,736 samples."""
    tones = [tone(4_864 / 16_000, frequency=f) for f in (200, 300, 400)]
    front_end = LogMel()
    return front_end.scale(front_end.log_mel(torch.tensor(np.stack(tones))))


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


def test_broken_files_are_named_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words"
    save(words / "good.wav")
    save(words / "empty.wav", np.zeros(0))
    (words / "broken.flac").write_bytes(b"no sound")
    np.save(words / "scale.npy", np.full((80, 20), -5.0))
    assert vocode(words, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["good.wav"]
    printed = capsys.readouterr()
    assert "3 of 4 inputs skipped" in printed.out
    for name in ("empty.wav", "broken.flac", "scale.npy"):
        assert f"skipped {words / name}: " in printed.err


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
def test_odd_files_among_good_ones(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], flac: Callable[..., Path]
) -> None:
    words = tmp_path / "words"
    save(words / "horen.wav").rename(words / "h\udcf6ren.wav")
    flac(words / "open.flac", tone(), claimed=0)
    flac(words / "endless.flac", tone(), claimed=2**36 - 1)
    (words / "br\udcf6ken.wav").write_bytes(b"no sound")
    assert vocode(words, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["h\udcf6ren.wav", "open.wav"]
    assert soundfile.info(tmp_path / "out" / "open.wav").frames == 8_000
    printed = capfd.readouterr()
    assert "2 of 4 inputs skipped" in printed.out
    assert "ken.wav: not a readable" in printed.err
    assert "endless.flac: the file is cut short" in printed.err


def test_links_to_nothing_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words"
    save(words / "good.wav")
    for name, target in (("absent.wav", "annex"), ("loop.wav", "loop.wav"), ("mels.npy", "annex")):
        (words / name).symlink_to(words / target)
    assert vocode(words, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["good.wav"]
    printed = capfd.readouterr()
    assert "3 of 4 inputs skipped" in printed.out
    for name in ("absent.wav", "loop.wav", "mels.npy"):
        assert f"skipped {words / name}: a link whose target is missing" in printed.err
    assert vocode(words / "absent.wav", tmp_path / "out") == 1
    assert "absent.wav: a link whose target is missing" in capfd.readouterr().err


def test_nothing_usable_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words"
    words.mkdir()
    (words / "broken.wav").write_bytes(b"no sound")
    assert vocode(words, tmp_path / "out") == 1
    assert "nothing was written: none of 1 inputs could be used" in capsys.readouterr().err
    assert vocode(words / "broken.wav", tmp_path / "out") == 1
    printed = capsys.readouterr().err
    assert printed.count("broken.wav: not a readable sound file") == 1
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_log_mels_become_the_vocoders_waveform(tmp_path: Path, x: Tensor, kind: str) -> None:
    path = tmp_path / f"mels.{kind}"
    if kind == "npy":
        np.save(path, x.numpy())
    else:
        metadata = {"mel_hash": MelSettings().hash}
        safetensors.torch.save_file({"mels": x, "seeds": torch.ones(3)}, path, metadata)
    assert vocode(path, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["mels-0.wav", "mels-1.wav", "mels-2.wav"]
    expected = GriffinLim(iterations=2)(x.numpy())
    for k in range(3):
        written, rate = soundfile.read(tmp_path / "out" / f"mels-{k}.wav", dtype="float32")
        assert rate == 16_000
        np.testing.assert_allclose(written, expected[k], rtol=0, atol=1 / 32_000)


def test_one_log_mel_may_name_its_file(tmp_path: Path, x: Tensor) -> None:
    np.save(tmp_path / "one.npy", x[0, 0].numpy())
    assert vocode(tmp_path / "one.npy", tmp_path / "b.wav") == 0
    assert vocode(tmp_path / "one.npy", tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["one.wav"]
    assert (tmp_path / "out" / "one.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_numbers_sort(tmp_path: Path, x: Tensor) -> None:
    np.save(tmp_path / "many.npy", x[:1, :, :, :4].repeat(11, 1, 1, 1).numpy())
    assert vocode(tmp_path / "many.npy", tmp_path / "out") == 0
    assert files(tmp_path / "out") == [f"many-{k:02}.wav" for k in range(11)]


def test_several_log_mels_need_a_folder(
    tmp_path: Path, x: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "mels.npy", x.numpy())
    assert vocode(tmp_path / "mels.npy", tmp_path / "b.wav") == 1
    assert "holds 3 log-Mels; OUT must be a folder" in capsys.readouterr().err


def test_a_numbered_name_takes_no_ones_place(
    tmp_path: Path, x: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    mels = tmp_path / "mels"
    save(mels / "a-1.wav")
    np.save(mels / "a.npy", x.numpy())
    assert vocode(mels, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["a-1.wav"]
    assert "is an input or made of one" in capsys.readouterr().err


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


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("absent.wav", "out", "there is no such file or folder"),
        ("notes.txt", "out", "those end in .wav, .flac, .npy, .safetensors"),
        ("empty", "out", "no file in this folder ends in .wav"),
        ("words", "b.wav", "is a folder, so OUT must be one"),
        ("words", "words", "lies in IN"),
        ("words", "words/../words/new", "lies in IN"),
        ("words/a.wav", "words", "is an input and would be overwritten"),
        ("words/a.wav", "words/../words/a.wav", "is an input and would be overwritten"),
        ("words/a.wav", "link.wav", "is an input and would be overwritten"),
        ("words/a.wav", "b.flac", "only wav files are written"),
        ("words/a.wav", "notes.txt", "notes.txt: cannot be written: a file is"),
        ("words/a.wav", "notes.txt/b.wav", "notes.txt: cannot be written: a file is"),
        ("twice", "out", "would both become"),
        ("deep", ".", "is an input and would be overwritten"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    out: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("words/a.wav", "twice/a.wav", "twice/a.flac", "deep/a.wav", "deep/deep/a.wav"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "link.wav").symlink_to(tmp_path / "words" / "a.wav")
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    assert vocode(source, out) == 1
    assert message in capsys.readouterr().err
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


@pytest.mark.parametrize("name", ["wavenet", "hifigan", "griffin-lim:x", "hifigan:nowhere"])
def test_a_vocoder_that_cannot_be_had_is_refused_before_writing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.undo()
    assert vocode(save(tmp_path / "a.wav"), tmp_path / "out", "--vocoder", name) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("scoresubnet vocode: ")
    assert "Traceback" not in printed
    assert not (tmp_path / "out").exists()


def test_a_folder_goes_on_past_what_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words"
    long = "x" * 251
    for name in ("1.wav", "2.wav", f"{long}.wav"):
        save(words / name)
    (tmp_path / "out" / "1.wav").mkdir(parents=True)
    assert vocode(words, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["2.wav", f"{long}.wav"]
    printed = capsys.readouterr()
    reason = "cannot be written: a folder has that name; move it"
    assert f"skipped {tmp_path / 'out' / '1.wav'}: {reason}" in printed.err
    assert "1 of 3 inputs skipped" in printed.out
    assert "3/3" in printed.err


def test_a_full_disk_is_named_for_each_file_and_leaves_whole_files_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, x: Tensor
) -> None:
    words = tmp_path / "words"
    save(words / "1.wav")
    save(words / "2.wav")
    np.save(words / "mels.npy", x.numpy())
    disk = {"room": 3}
    write = Path.write_bytes

    def fill(path: Path, content: bytes) -> int:
        if path.suffix != ".tmp" or len(content) == 4096:
            return write(path, content)
        disk["room"] -= 1
        if disk["room"] < 0:
            write(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    assert vocode(words, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["1.wav", "2.wav", "mels-0.wav"]
    printed = capsys.readouterr()
    for name in ("mels-1.wav", "mels-2.wav"):
        assert f"skipped {tmp_path / 'out' / name}: cannot be written: No space" in printed.err
    assert "1 of 3 inputs skipped (some in part)" in printed.out

    assert vocode(words, tmp_path / "none", "--json") == 1
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["skipped"]) == 5
    assert "nothing was written: none of 3 inputs" in printed.err
    assert vocode(words / "1.wav", tmp_path / "none" / "b.wav") == 1
    sentence = f"scoresubnet vocode: {tmp_path / 'none' / 'b.wav'}: cannot be written: No space"
    assert capsys.readouterr().err.count(sentence) == 1
    assert files(tmp_path / "none") == []
