"""What lies in the place of large files until these come: Git LFS pointers, links to nothing."""

from __future__ import annotations

import os
from contextlib import suppress

_START = b"version https://git-lfs.github.com/"


def pointer_hint(path: str | os.PathLike[str]) -> str:
    """What a file is and what to do, if a Git LFS pointer or a link to nothing; else nothing."""
    if os.path.islink(path) and not os.path.exists(path):
        return "a link whose target is missing; fetch that (`git annex get`, `datalad get`)"
    pointer = False
    if os.path.isfile(path):  # a named pipe would keep us waiting
        with suppress(OSError), open(path, "rb") as file:
            pointer = file.read(len(_START)) == _START
    return "a Git LFS pointer, not the file itself; run `git lfs pull` there" if pointer else ""
