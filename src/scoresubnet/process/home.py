"""A place for what libraries keep, where the user's home is none."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

# Variable that names the place -> where it is by default, as XDG_* or below the home.
_PLACES = {
    "MPLCONFIGDIR": ("XDG_CONFIG_HOME", ".config"),
    "NUMBA_CACHE_DIR": ("XDG_CACHE_HOME", ".cache"),
}


def provide_home() -> None:
    """Name a temporary folder to matplotlib and numba, if they could write nowhere else.

    They look for a place when they are loaded, librosa's functions with numba, and numba fails
    where it finds none. Without any home the folder is `HOME`, or some would write to a folder
    called `~`. What the user has set stays. The folder goes when the process ends.
    """
    home = os.path.expanduser("~")
    wanting = [
        name
        for name, (base, folder) in _PLACES.items()
        if name not in os.environ
        and not _can_be_written(Path(os.environ.get(base) or os.path.join(home, folder)))
    ]
    wanting += ["HOME"] * (home == "~")
    if wanting:
        with suppress(OSError):  # no temporary folder either: they say so themselves
            folder = tempfile.mkdtemp(prefix="scoresubnet-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            os.environ.update(dict.fromkeys(wanting, folder))


def _can_be_written(place: Path) -> bool:
    """Whether the folder is there and can be written, or can be made."""
    there = next(path for path in (place, *place.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
