"""Which files of a folder count."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from scoresubnet.data.clips import list_audio, visible_files


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_hidden_files_and_folders_are_left_out_at_any_depth(tmp_path: Path) -> None:
    make(tmp_path, "b/1.wav", "a.WAV", "._a.wav", ".git/1.wav", "b/.c/1.wav", "b/._1.wav", "b.txt")
    found = visible_files(tmp_path, (".wav",), "**/*")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.WAV", "b/1.wav"]
    assert [path.name for path in list_audio(tmp_path)] == ["a.WAV"]


def test_links_to_nothing_are_not_dropped_silently(tmp_path: Path) -> None:
    """Links to folders are no files, whatever they are called."""
    make(tmp_path, "a.wav", "b/c.wav")
    (tmp_path / "linked.wav").symlink_to(tmp_path / "a.wav")
    (tmp_path / "folder.wav").symlink_to(tmp_path / "b")
    (tmp_path / "missing.wav").symlink_to(tmp_path / "absent")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    names = [path.name for path in list_audio(tmp_path)]
    assert names == ["a.wav", "linked.wav", "loop.wav", "missing.wav"]


def test_a_hidden_folder_may_hold_the_one_that_is_given(tmp_path: Path) -> None:
    make(tmp_path, ".cache/words/1.wav")
    assert len(visible_files(tmp_path / ".cache" / "words", (".wav",))) == 1


def test_files_that_differ_in_their_suffix_alone_are_not_dropped_silently(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "a.wav", "b.flac", "b.wav", "c.flac")
    if not (tmp_path / "A.WAV").exists():  # where case counts
        make(tmp_path, "a.WAV", "a.FLAC")
    with caplog.at_level(logging.WARNING):
        assert [path.name for path in list_audio(tmp_path)] == ["a.wav", "b.wav", "c.flac"]
    (record,) = caplog.records
    others = [name for name in ("a.FLAC", "b.flac", "a.WAV") if (tmp_path / name).exists()]
    assert f"{tmp_path}: {len(others)} files are left out" in record.getMessage()
    assert all(name in record.getMessage() for name in others)


def test_different_names_are_no_pair(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(list_audio(make(tmp_path, "a.wav", "b.wav", "a.b.wav"))) == 3
    assert not caplog.records
