"""Files and folders that appear complete or not at all, and what a file's content is told by."""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import platform
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import fcntl


def _machine() -> str:
    """Hash of what has locks in common: a running system. Names of hosts are less unique."""
    try:
        name = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        name = os.fsencode(platform.node())
    return hashlib.sha256(name).hexdigest()[:12]


# As long for any name: what can be written can be replaced.
_TEMPORARY = f".scoresubnet-{_machine()}-{{}}.tmp"
_WAYS_OUT = {
    errno.ENOSPC: "{}; make room on the disk",
    errno.EDQUOT: "{}; make room on the disk",
    errno.ENAMETOOLONG: "{}; choose a shorter name",
    errno.EACCES: "{}; make it writable, or write elsewhere",
    errno.EROFS: "{}; make it writable, or write elsewhere",
    errno.EISDIR: "a folder has that name; move it",
    errno.EEXIST: "a file is where a folder should be; move it",
    errno.ENOTDIR: "a file is where a folder should be; move it",
}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file beside `path`, which takes its place if the block ends without an error.

    An error leaves an older file as it was, and nothing else behind. Parent folders are made.
    Errors of the block stay as they are; see `naming`.

    Raises:
        OSError: the file cannot be made or replaced; the message names it.
    """
    path = Path(path)
    with naming(path):
        if path.exists() and not os.access(path, os.W_OK):  # a new file would take its place
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with _temporary(path, path.parent, Path.touch) as temporary:
        yield temporary
        with naming(path):
            os.replace(temporary, path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`, which gets that name if the block ends without an error.

    Another process may be faster with the same one: then its folder stays. Parent folders are made.
    Errors of the block stay as they are; see `naming`.

    Raises:
        OSError: the folder cannot be made or renamed; the message names it.
    """
    with _temporary(path, path.parent, Path.mkdir) as temporary:
        yield temporary
        with naming(path):
            try:
                temporary.rename(path)
            except OSError:
                if not path.is_dir():
                    raise


def write_bytes(path: str | os.PathLike[str], content: bytes | memoryview) -> None:
    """Write a file; it appears complete or not at all.

    What a library writes goes through memory, so that the system says why it cannot be written.

    Raises:
        OSError: it cannot be written; the message names it.
    """
    with replacing(path) as temporary, naming(path):
        temporary.write_bytes(content)


def escaped(text: str) -> str:
    """Text that any stream and any log can take: what is not UTF-8 in names is escaped."""
    return text.encode(errors="backslashreplace").decode()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, as `write_bytes` does; names that are not UTF-8 are escaped."""
    write_bytes(path, escaped(text).encode())


def write_json(path: Path, value: Any) -> None:
    """Write plain values as indented JSON, as `write_bytes` does.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot say.
    """
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def differing(path: Path, value: dict[str, Any]) -> list[str]:
    """The keys of plain values that a file of `write_json` has otherwise, not at all, or beside.

    Raises:
        ValueError: the file is none; the message names it.
    """
    try:
        before = dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error}); choose another --out") from error
    now, absent = json.loads(json.dumps(value)), object()
    return [key for key in {**now, **before} if now.get(key, absent) != before.get(key, absent)]


def claim(path: Path, about: dict[str, Any]) -> None:
    """Note beside clips, as `write_json` does, what all of them depend on.

    Raises:
        ValueError: the clips there are others; the message names what differs.
    """
    if not path.exists():
        write_json(path, about)
    if others := differing(path, about):
        raise ValueError(
            f"{path.parent}: has clips made with other {', '.join(others)}; choose another --out, "
            "or empty it"
        )


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file, as a whole or not at all.

    Raises:
        OSError: it cannot be written; the message names it, and the file is as it was.
    """
    with naming(path), path.open("ab", buffering=0) as file:
        end = file.tell()
        try:
            while content:
                content = content[file.write(content) :]
        except OSError:
            file.truncate(end)
            raise


def append_line(path: Path, line: str) -> None:
    """Add a line of UTF-8, as `append` does; half a line that a broken write left goes."""
    with naming(path), path.open("a+b") as file:
        file.seek(max(0, file.tell() - 1))
        if file.read() not in (b"", b"\n"):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
    append(path, f"{line}\n".encode())


def file_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_unwritable(folder: Path) -> None:
    """Make the folder, and fail now rather than after long work if nothing can be written there.

    Raises:
        OSError: the folder cannot be made or written, or its disk is full; the message names it.
    """
    with _temporary(folder, folder, Path.touch) as temporary, naming(folder):
        temporary.write_bytes(bytes(4096))


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of the system in a block that writes `path` say so, and what to do.

    Raises:
        OSError: of the same type and errno, with a sentence as its text.
    """
    try:
        yield
    except OSError as error:
        way_out = _WAYS_OUT.get(error.errno or 0, "{}; choose another place")
        reason = way_out.format(error.strerror or error)
        named = type(error)(f"{path}: cannot be written: {reason}")
        named.errno = error.errno  # given to the constructor, it would be part of the text
        raise named from error


@contextmanager
def _temporary(target: Path, folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder in `folder`, locked while the block runs, and removed after it.

    The lock does not survive its process. By that another one knows what it may sweep.
    """
    with naming(target):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder.absolute())
        while True:
            path = folder / _TEMPORARY.format(secrets.token_hex(4))
            make(path)
            handle = lock(path, wait=True)
            if path.exists():  # else another process swept it before it was locked
                break
            release(handle)
    try:
        yield path
    finally:
        _remove(path)
        release(handle)


@functools.cache
def _sweep(folder: Path) -> None:
    """Remove what killed processes left there; once in the life of this one: folders are long.

    Only those of this machine: locks of others may not be seen where a file system is shared.
    """
    for path in folder.glob(_TEMPORARY.format("*")):
        with suppress(OSError):  # such as: another process has it
            handle = lock(path, wait=False)
            if handle is not None:
                try:
                    _remove(path)
                finally:
                    release(handle)


def lock(path: Path, wait: bool) -> int | None:
    """Lock a file or folder until `release`, or until the process ends.

    Returns:
        What to release; None if it cannot be opened, or if its system has no such locks.

    Raises:
        BlockingIOError: another has the lock, and `wait` is false.
    """
    if sys.platform == "win32":
        return None
    try:
        # Not `lockf`, whose locks end when any file of that name is closed.
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        release(handle)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return handle


def release(handle: int | None) -> None:
    """Give back what `lock` returned."""
    if handle is not None:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
