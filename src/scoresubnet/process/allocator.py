"""Memory that a process frees is kept for its next step, instead of going back to the system."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # parameters of mallopt(3)
_MOST = 2**31 - 1


def _is_setting(name: str) -> bool:
    return name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"


def keep_freed_memory() -> bool:
    """Have glibc's `malloc` reuse large blocks: a step of training frees and takes the same ones.

    By default each comes from the system anew, and is filled with zeros there, page by page. The
    process keeps the most memory that it ever used. `MALLOC_*` and `GLIBC_TUNABLES` of
    the user take precedence.

    Returns:
        Whether something was set: not without glibc.
    """
    if sys.platform != "linux" or any(map(_is_setting, os.environ)):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    return all(
        libc.mallopt(name, value) == 1 for name, value in ((_TRIM_THRESHOLD, _MOST), (_MMAP_MAX, 0))
    )
