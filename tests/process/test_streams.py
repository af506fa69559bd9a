"""Standard output and error may be closed, broken, full or narrow: the work is done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.process.streams import lasting_streams

PROGRAM = """
import os, sys
from scoresubnet.process.streams import lasting_streams
with lasting_streams() as output:
    with open(sys.argv[1], "w") as file:
        for k in range(3):
            print("said", flush=k == 1)
            print("noted", file=sys.stderr)
        os.write(1, b"from a library, ") if sys.argv[2:] else None
        os.write(2, b"and another, ") if sys.argv[2:] else None
        file.write("done")
    output.flush()
    lost = output.error
sys.exit(3 if lost else 0)
"""


@contextmanager
def closed() -> Iterator[int]:
    """The number of a stream that is closed before the program starts."""
    yield -1


@contextmanager
def unread() -> Iterator[int]:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextmanager
def full() -> Iterator[int]:
    """A file on a full disk."""
    writer = os.open("/dev/full", os.O_WRONLY)
    yield writer
    os.close(writer)


WAYS = {"closed": closed, "unread": unread, "full": full}


def run(path: Path, *arguments: str, **streams: int) -> subprocess.CompletedProcess[bytes]:
    """The program, its streams by their numbers, -1 for one that is closed."""
    numbers = {"stdin": 0, "stdout": 1, "stderr": 2}

    def close() -> None:
        for name, number in streams.items():
            if number == -1:
                os.close(numbers[name])

    given = {name: number for name, number in streams.items() if number != -1}
    kept: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), *arguments],
        env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        preexec_fn=close,
        timeout=60,
        check=False,
        **(kept | given),
    )


pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_the_work_is_done_and_the_status_says_so(name: str, way: str, tmp_path: Path) -> None:
    """What a full disk lost of standard output is no success; the rest has no reader."""
    path = tmp_path / "file"
    with WAYS[way]() as number:
        done = run(path, **{name: number})
    assert path.read_text() == "done"
    assert done.returncode == (3 if (name, way) == ("stdout", "full") else 0)
    other = done.stderr if name == "stdout" else done.stdout
    assert other == (b"noted\n" if name == "stdout" else b"said\n") * 3


def test_nothing_that_is_printed_lands_in_our_files(tmp_path: Path) -> None:
    """A file that is opened gets the lowest number that is free, and that may be a stream's."""
    path = tmp_path / "file"
    done = run(path, "from libraries too", stdin=-1, stdout=-1, stderr=-1)
    assert (done.returncode, path.read_text()) == (0, "done")


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [("ascii", "سبعة", b"\\u0633\\u0628\\u0639\\u0629\n"), ("utf-8", "a\udcff", b"a\\udcff\n")],
)
def test_characters_that_the_encoding_lacks_are_escaped(
    encoding: str, text: str, shown: bytes
) -> None:
    program = "from scoresubnet.process.streams import lasting_streams\n"
    program += f"with lasting_streams(): print({text!a})"
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True
    )
    assert done.stdout == shown


def test_the_callers_streams_are_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    own = StringIO()
    monkeypatch.setattr(sys, "stdout", own)
    monkeypatch.setattr(sys, "stderr", None)
    errors = sys.__stdout__.errors if sys.__stdout__ else None
    with suppress(ZeroDivisionError), lasting_streams():
        print("here")
        print("nowhere", file=sys.stderr)
        raise ZeroDivisionError
    assert own.getvalue() == "here\n"
    assert (sys.stdout, sys.stderr) == (own, None)
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    with lasting_streams():
        pass
    assert sys.__stdout__ is None or sys.__stdout__.errors == errors
