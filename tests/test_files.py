"""Atomic writes."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import PIPE

import pytest

from scoresubnet import files
from scoresubnet.files import (
    append_line,
    file_hash,
    new_folder,
    refuse_unwritable,
    replacing,
    write_json,
    write_text,
)


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_hash_is_sha_256_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-2
    assert file_hash(tmp_path / "a").startswith("ba7816bf8f01cfea")
    assert len(file_hash(tmp_path / "a")) == 64


def test_text_and_json_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "record"
    write_text(path, "naïve")
    assert path.read_text(encoding="utf-8") == "naïve"
    write_json(path, {"x": (1, None)})
    assert json.loads(path.read_text()) == {"x": [1, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"x": math.nan})
    assert json.loads(path.read_text()) == {"x": [1, None]}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["naïve/a", "na\udcefve/a"])
def test_a_name_that_is_not_utf_8_is_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / "a", name)
    assert (tmp_path / "a").read_text(encoding="utf-8") == name.replace("\udcef", "\\udcef")
    write_json(tmp_path / "a", name)
    assert json.loads((tmp_path / "a").read_text(encoding="utf-8")) == name


def test_any_name_that_can_be_written_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_text(path, "whole")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 256, "File name too long; choose a shorter name"),
        ("folder", "a folder has that name; move it"),
        ("file/new", "a file is where a folder should be; move it"),
    ],
)
def test_what_cannot_be_written_is_named_with_the_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=re.escape(f"{tmp_path / name}: cannot be written: {reason}")):
        write_text(tmp_path / name, "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_file_that_must_not_be_written_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    reason = f"{path}: cannot be written: Permission denied; make it writable, or write elsewhere"
    with pytest.raises(PermissionError, match=f"^{reason}$") as error:
        write_text(path, "new")
    assert error.value.errno == errno.EACCES
    assert path.read_text() == "old"


FullDisk = Callable[[int], AbstractContextManager[None]]


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path, full_disk: FullDisk) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    reason = f"{path}: cannot be written: File too large; choose another place"
    with full_disk(1_000), pytest.raises(OSError, match=reason):
        write_text(path, 2_000 * "x")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def run(code: str, path: Path) -> subprocess.Popen[str]:
    """A process that has `path`; its output can be read."""
    start = f"from pathlib import Path\nfrom scoresubnet.files import *\npath = Path({str(path)!r})"
    command = [sys.executable, "-c", f"{start}\n{code}"]
    return subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)


WAITS = (
    "with {}(path) as temporary:\n"
    "    (temporary / 'part' if temporary.is_dir() else temporary).write_text('half')\n"
    "    print('writing', flush=True)\n"
    "    input()\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="no locks")
@pytest.mark.parametrize("kind", ["replacing", "new_folder"])
def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "written"
    killed, living = (run(WAITS.format(kind), path) for _ in range(2))
    for process in (killed, living):
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.iterdir())) == 2
    run("write_text(path.with_name('next'), 'whole')", path).communicate()
    assert len(list(tmp_path.iterdir())) == 2  # that of the living one, and the new file
    living.communicate("\n")
    assert living.returncode == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["next", "written"]


@pytest.mark.parametrize("kind", ["replacing", "new_folder"])
def test_two_processes_may_write_the_same(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "written"
    both = [run(WAITS.format(kind), path) for _ in range(2)]
    for process in both:
        assert process.stdout is not None
        process.stdout.readline()
    for process in both:
        process.communicate("\n")
    assert [process.returncode for process in both] == [0, 0]
    assert list(tmp_path.iterdir()) == [path]
    assert (path / "part" if path.is_dir() else path).read_text() == "half"


def test_a_temporary_that_was_swept_before_its_lock_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = files.lock
    swept: list[Path] = []

    def late(path: Path, wait: bool) -> int | None:
        if not swept:
            path.unlink()
            swept.append(path)
        return lock(path, wait)

    monkeypatch.setattr(files, "lock", late)
    write_text(tmp_path / "file.txt", "whole")
    assert swept
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_files_are_written_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", refuse)
    other = tmp_path / files._TEMPORARY.format("00000000")
    other.touch()  # whose it is cannot be known
    write_text(tmp_path / "file.txt", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "file.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="no locks")
def test_only_what_this_machine_left_is_removed(tmp_path: Path) -> None:
    """Another one's lock may not be seen here."""
    ours, other = files._TEMPORARY.format("00000000"), ".scoresubnet-0123456789ab-00000000.tmp"
    assert len(ours) == len(other)
    for name in (ours, other):
        (tmp_path / name).mkdir()
    write_text(tmp_path / "file.txt", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other, "file.txt"]


@pytest.mark.parametrize("writer", [replacing, new_folder])
def test_an_error_of_the_block_is_not_one_of_writing(
    tmp_path: Path, writer: Callable[[Path], AbstractContextManager[Path]]
) -> None:
    with pytest.raises(FileNotFoundError, match="absent") as error, writer(tmp_path / "a"):
        (tmp_path / "absent").read_bytes()
    assert "cannot be written" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("before", ["", "a\n", "a\nhal", "hal"])
def test_a_line_is_added_whole_and_half_a_line_goes(tmp_path: Path, before: str) -> None:
    path = tmp_path / "log"
    path.write_text(before)
    append_line(path, "b")
    append_line(path, "ü")
    assert path.read_text(encoding="utf-8") == ("a\n" if "a\n" in before else "") + "b\nü\n"


def test_a_line_that_does_not_fit_leaves_the_lines_before(
    tmp_path: Path, full_disk: FullDisk
) -> None:
    path, line = tmp_path / "log", 400 * "x"
    append_line(path, line)
    append_line(path, line)
    with full_disk(1_000), pytest.raises(OSError, match=f"{path}: cannot be written: File too"):
        append_line(path, line)
    assert path.read_text() == 2 * f"{line}\n"


def test_a_full_disk_is_refused_before_work(tmp_path: Path, full_disk: FullDisk) -> None:
    reason = f"{tmp_path}: cannot be written: File too"
    with full_disk(1_000), pytest.raises(OSError, match=reason) as error:
        refuse_unwritable(tmp_path)
    assert error.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.EACCES, "Permission denied; make it writable, or write elsewhere"),
        (errno.EROFS, "Read-only file system; make it writable, or write elsewhere"),
        (errno.ENOSPC, "No space left on device; make room on the disk"),
        (errno.EEXIST, "a file is where a folder should be; move it"),
        (errno.EIO, "Input/output error; choose another place"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, way_out: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="written") as error:
        refuse_unwritable(tmp_path)
    assert str(error.value) == f"{tmp_path}: cannot be written: {way_out}"
    assert error.value.errno == number
    assert type(error.value) is type(OSError(number, ""))
