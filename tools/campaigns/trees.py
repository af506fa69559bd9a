"""What lies in a folder, and which of it should not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

Entry = tuple[int, int, int]
"""kind of file, size, time of change in ns; of a folder its kind alone"""


def snapshot(top: Path, leave_out: tuple[Path, ...] = ()) -> dict[str, Entry]:
    """Every path below `top` -> what tells that it was changed; some folders are left out."""
    found: dict[str, Entry] = {}
    left_out = {str(path) for path in leave_out}
    for folder, names, files in os.walk(top):
        names[:] = [name for name in names if os.path.join(folder, name) not in left_out]
        for name in (*names, *files):
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except FileNotFoundError:  # gone meanwhile: another process works here
                continue
            kind = stat.S_IFMT(status.st_mode)
            is_folder = stat.S_ISDIR(kind)
            found[path] = (kind, 0, 0) if is_folder else (kind, status.st_size, status.st_mtime_ns)
    return found


def changed(before: dict[str, Entry], after: dict[str, Entry]) -> list[str]:
    """Paths that appeared, vanished or changed."""
    return sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))


def leftovers(folder: Path) -> list[str]:
    """Hidden and temporary files and folders, which a command that has ended leaves nowhere."""
    return sorted(
        path
        for path in snapshot(folder)
        if os.path.basename(path).startswith(".") or path.endswith((".tmp", ".lock"))
    )
