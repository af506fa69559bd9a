"""Which clips make a run what it is: content, and not where it lies."""

import json
import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from scoresubnet.data.clips import Clip, Split
from scoresubnet.training.clip_list import FILE_NAME, keep_clips, refuse_other_clips


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    folder = tmp_path / "data"
    splits: tuple[Split, ...] = ("training", "training", "validation", "testing")
    made = [Clip(folder / "yes" / f"{k}.wav", "yes", s, "folder") for k, s in enumerate(splits)]
    (folder / "yes").mkdir(parents=True)
    for clip in made:
        clip.path.write_bytes(b"sound" * (1 + len(clip.split)))
    keep_clips(tmp_path, made)
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
    refuse_other_clips(tmp_path, moved[::-1], changes=False)


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
        refuse_other_clips(tmp_path, now, changes=False)
    assert "began with: 2 added, 2 removed, such as " in str(error.value)
    assert "such as yes/0.wav; restore" in str(error.value)
    assert lines(tmp_path) == before


def test_others_may_be_allowed_and_are_the_clips_of_the_run_then(
    clips: list[Clip], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_other_clips(tmp_path, clips[1:], changes=True)
    assert "0 added, 1 removed" in caplog.text
    assert len(lines(tmp_path)) == 3  # until the run goes on
    keep_clips(tmp_path, clips[1:])
    refuse_other_clips(tmp_path, clips[1:], changes=False)
    assert len(lines(tmp_path)) == 2


def test_a_run_without_a_list_takes_any(clips: list[Clip], tmp_path: Path) -> None:
    """Version 0.2 kept none."""
    (tmp_path / FILE_NAME).unlink()
    refuse_other_clips(tmp_path, clips, changes=False)


def test_a_missing_clip_and_a_damaged_line_have_a_place(clips: list[Clip], tmp_path: Path) -> None:
    clips[0].path.unlink()
    keep_clips(tmp_path, clips[:1])
    assert lines(tmp_path) == [["folder", "yes", "training", "0.wav", None]]
    refuse_other_clips(tmp_path, clips[:1], changes=False)
    (tmp_path / FILE_NAME).write_text("1\n")
    with pytest.raises(ValueError, match="such as 1; restore"):
        refuse_other_clips(tmp_path, clips[:1], changes=False)


@pytest.mark.parametrize("name", ["a\nb.wav", "ä\u2028.wav", os.fsdecode(b"\xff.wav")])
def test_any_file_name_can_be_written_down(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    clips = [Clip(path, "yes", "training", "folder")]
    keep_clips(tmp_path, clips)
    refuse_other_clips(tmp_path, clips, changes=False)
    with pytest.raises(ValueError, match="0 added, 1 removed, such as yes/") as error:
        refuse_other_clips(tmp_path, [], changes=False)
    assert len(str(error.value).encode().splitlines()) == 1
    assert lines(tmp_path) == [["folder", "yes", "training", name, 0]]


def test_names_are_compared_in_nfc(tmp_path: Path) -> None:
    """A copy by way of macOS may spell them apart."""
    for form in ("NFD", "NFC"):
        path = tmp_path / form / unicodedata.normalize(form, "über.wav")
        path.parent.mkdir()
        path.write_bytes(b"")
        clips = [Clip(path, "yes", "training", "folder")]
        refuse_other_clips(tmp_path, clips, changes=False)
        keep_clips(tmp_path, clips)
