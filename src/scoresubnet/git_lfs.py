"""Git LFS pointers: the small text files that lie in the place of large ones until these come."""

from __future__ import annotations

import os

_START = b"version https://git-lfs.github.com/"


def pointer_hint(path: str | os.PathLike[str]) -> str:
    """What a file is and what to do, if it is a Git LFS pointer; else nothing."""
    try:
        with open(path, "rb") as file:
            pointer = file.read(len(_START)) == _START
    except OSError:
        pointer = False
    return "a Git LFS pointer, not the file itself; run `git lfs pull` there" if pointer else ""
