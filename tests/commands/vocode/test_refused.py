"""What `scoresubnet vocode` cannot use or write."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from torch import Tensor

from tests.commands.vocode.typed import files, save, tone, vocode


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
