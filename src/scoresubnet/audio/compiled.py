"""librosa, whose compiled functions one process at a time makes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scoresubnet.files import lock, release
from scoresubnet.process.home import provide_home


def load_librosa() -> Any:
    """librosa, with what numba compiles of it for pitch and Mel bands.

    numba keeps a compiled function in two files. If two processes write them at once, one file of
    each may be left; they do not fit, and every process that loads them ends with a segmentation
    fault (numba's issue 10128). So other processes that call this wait, where a system has locks.

    Raises:
        ImportError: librosa is not installed.
    """
    provide_home()
    found = find_spec("librosa")
    held = lock(Path(found.origin).parent, wait=True) if found and found.origin else None
    try:
        import librosa
        import librosa.core.pitch  # and with it `util` and `core.audio`
    finally:
        release(held)
    return librosa
