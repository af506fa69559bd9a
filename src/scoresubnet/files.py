"""Files that appear complete or not at all, and what a file's content is told by."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary name beside `path`, which takes its place if the block ends without an error.

    An error leaves an older file as it was, and nothing else behind. Parent folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def is_utf8(name: str) -> bool:
    """Whether a name of a file or folder is UTF-8; where it is not, Python has surrogates."""
    return re.search("[\ud800-\udfff]", name) is None


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; it appears complete or not at all. Names that are not UTF-8 are escaped."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write plain values as indented JSON; it appears complete or not at all.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot say.
    """
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def file_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_unwritable(folder: Path) -> None:
    """Make the folder, and fail now rather than after long work if nothing can be written there.

    Raises:
        OSError: the folder cannot be made or written; the message names it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        os.unlink(name)
    except OSError as error:
        raise OSError(
            f"cannot write to {folder}: {error.strerror or error}; choose another folder"
        ) from error
