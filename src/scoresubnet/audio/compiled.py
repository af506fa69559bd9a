"""librosa, loaded so that one process at a time compiles its functions."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scoresubnet.files import lock, release
from scoresubnet.process.home import provide_home


def load_librosa() -> Any:
    """librosa, with the functions that numba compiles when they are loaded.

    Of such a gufunc numba keeps two compiled files. If two processes write them at once, one file
    of each may be left; they do not fit, and every process that loads them ends with a segmentation
    fault (numba's issue 10128). So others on this machine that call this wait for one another,
    where the system has locks. Where the home cannot be written, `provide_home` comes first.

    Raises:
        ImportError: librosa is not installed.
    """
    if "librosa.core.pitch" not in sys.modules:
        provide_home()
        found = find_spec("librosa")
        held = lock(Path(found.origin).parent, wait=True) if found and found.origin else None
        try:
            import librosa.core.pitch  # and with it `util` and `core.audio`
        finally:
            release(held)
    import librosa

    return librosa
