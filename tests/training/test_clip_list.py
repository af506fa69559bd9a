"""Which clips make a run what it is: content, and not where it lies."""

import json
import os
import shutil
from pathlib import Path

import pytest

from scoresubnet.data.clips import Clip, Split
from scoresubnet.training.clip_list import FILE_NAME, keep_clips


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    folder = tmp_path / "data"
    splits: tuple[Split, ...] = ("training", "training", "validation", "testing")
    made = [Clip(folder / "yes" / f"{k}.wav", "yes", s, "folder") for k, s in enumerate(splits)]
    (folder / "yes").mkdir(parents=True)
    for clip in made:
        clip.path.write_bytes(b"sound" * (1 + len(clip.split)))
    keep_clips(tmp_path, made, resumed=False, changes=False)
    return made


def lines(folder: Path) -> list[list[object]]:
    return [json.loads(line) for line in (folder / FILE_NAME).read_text().splitlines()]


def test_the_list_has_what_a_training_reads(clips: list[Clip], tmp_path: Path) -> None:
    assert lines(tmp_path) == [
        ["folder", "yes", "training", "0.wav", 45],
        ["folder", "yes", "training", "1.wav", 45],
        ["folder", "yes", "validation", "2.wav", 55],
    ]


def test_moved_touched_and_tested_clips_are_the_same(clips: list[Clip], tmp_path: Path) -> None:
    shutil.move(tmp_path / "data", tmp_path / "moved")
    moved = [Clip(tmp_path / "moved" / "yes" / c.path.name, *vars_of(c)) for c in clips[:3]]
    for clip in moved:
        os.utime(clip.path, (1, 1))
    keep_clips(tmp_path, moved[::-1], resumed=True, changes=False)


def vars_of(clip: Clip) -> tuple[str, Split, str]:
    return clip.label, clip.split, clip.source


def test_others_are_counted_and_named_and_refused(clips: list[Clip], tmp_path: Path) -> None:
    """One is gone, one has grown, one is new."""
    clips[1].path.write_bytes(b"longer than before" * 9)
    new = Clip(tmp_path / "data" / "yes" / "9.wav", "yes", "training", "folder")
    new.path.write_bytes(b"")
    now = [clips[1], clips[2], clips[3], new]
    before = lines(tmp_path)
    with pytest.raises(ValueError, match="allow_changed_data") as error:
        keep_clips(tmp_path, now, resumed=True, changes=False)
    assert "began with: 2 added, 2 removed, such as " in str(error.value)
    assert 'such as ["folder", "yes", "training", "0.wav", 45];' in str(error.value)
    assert lines(tmp_path) == before


def test_others_may_be_allowed_and_are_the_clips_of_the_run_then(
    clips: list[Clip], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep_clips(tmp_path, clips[1:], resumed=True, changes=True)
    assert "0 added, 1 removed" in caplog.text
    keep_clips(tmp_path, clips[1:], resumed=True, changes=False)
    assert len(lines(tmp_path)) == 2


def test_a_run_without_a_list_gets_one(clips: list[Clip], tmp_path: Path) -> None:
    """Version 0.2 kept none."""
    (tmp_path / FILE_NAME).unlink()
    keep_clips(tmp_path, clips, resumed=True, changes=False)
    assert len(lines(tmp_path)) == 3


def test_a_list_of_a_run_that_was_not_begun_is_replaced(clips: list[Clip], tmp_path: Path) -> None:
    keep_clips(tmp_path, clips[:1], resumed=False, changes=False)
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("name", ["a\nb.wav", "ä\u2028.wav", os.fsdecode(b"\xff.wav")])
def test_any_file_name_can_be_written_down(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    for resumed in (False, True):
        keep_clips(tmp_path, [Clip(path, "yes", "training", "folder")], resumed, changes=False)
    assert lines(tmp_path) == [["folder", "yes", "training", name, 0]]
