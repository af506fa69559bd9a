"""Scaled log-Mels from `.npy` and `.safetensors` files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from scoresubnet.audio.mel import MelSettings
from scoresubnet.git_lfs import pointer_hint

SUFFIXES = (".npy", ".safetensors")

# Rounding, not another scale; float16 near 1 is exact to 0.0005.
TOLERANCE = 1e-3


class MelFileError(ValueError):
    """A file whose log-Mels cannot be used; the message names it."""


def read_mels(path: str | os.PathLike[str], settings: MelSettings) -> NDArray[np.float32]:
    """The log-Mels of a file, as `SpeechGenerator.generate(...).mels` and `LogMel` make them.

    A safetensors file holds one tensor, or one named `mels` or `x`; if its metadata has a
    `mel_hash`, that must be the hash of `settings`.

    Args:
        path: of floating-point numbers of shape (80, T), (N, 80, T) or (N, 1, 80, T), T >= 4.
        settings: the front end that made them.

    Returns:
        x (N, 1, 80, T) float32 in [-1, 1].

    Raises:
        MelFileError: the file is unreadable, or what it holds is something else.
    """
    path = Path(path)
    if not path.is_file():  # a named pipe would keep us waiting
        raise MelFileError(f"{path}: {pointer_hint(path) or 'there is no such file'}")
    try:
        stored = _npy(path) if path.suffix.lower() == ".npy" else _safetensors(path, settings)
        if stored.dtype.kind != "f":
            raise MelFileError(f"{path}: holds {stored.dtype}, not floating-point log-Mels")
        with np.errstate(over="ignore"):  # what becomes infinite is refused
            x = stored.astype(np.float32)
    except MelFileError:
        raise
    except Exception as error:  # damaged headers fail in many ways, MemoryError too
        why = str(error) or type(error).__name__
        if isinstance(error, ValueError) and re.search("pickle|Python objects", why):
            # numpy advises to load it unsafely
            why = "it holds Python objects, not an array of numbers"
        reason = pointer_hint(path) or f"not a readable {path.suffix} file ({why})"
        raise MelFileError(f"{path}: {reason}") from error
    if x.ndim == 2:
        x = x[None]
    if x.ndim == 3:
        x = x[:, None]
    bands, least = settings.n_mels, settings.least_frames
    if x.ndim != 4 or not len(x) or x.shape[1:3] != (1, bands) or x.shape[3] < least:
        raise MelFileError(
            f"{path}: shape {stored.shape}; expected ({bands}, T), (N, {bands}, T) or "
            f"(N, 1, {bands}, T), bands before frames, T >= {least}"
        )
    if not np.isfinite(x).all():
        raise MelFileError(f"{path}: has NaN or infinite values")
    low, high = float(x.min()), float(x.max())
    if max(-low, high) > 1 + TOLERANCE:
        raise MelFileError(
            f"{path}: its values lie between {low:.2f} and {high:.2f}, and scaled log-Mels between "
            f"-1 (a magnitude of {settings.floor:g}) and 1 (of e^{settings.log_max:g}); scale "
            "natural log-Mels with scoresubnet.LogMel().scale(log_mel)"
        )
    clamped: NDArray[np.float32] = x.clip(-1, 1)
    return clamped


def _npy(path: Path) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # of a size that is refused
        # Mapped: nothing is allocated by the size in a header.
        array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("an archive of several arrays")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"it holds {array.dtype}")
    return array


def _safetensors(path: Path, settings: MelSettings) -> NDArray[Any]:
    with safetensors.safe_open(path, framework="np") as file:
        names = list(file.keys())
        made_for = (file.metadata() or {}).get("mel_hash", settings.hash)
        chosen = names if len(names) == 1 else [name for name in ("mels", "x") if name in names]
        if len(chosen) != 1:
            raise MelFileError(
                f"{path}: holds {', '.join(names[:5]) or 'nothing'}; "
                "expected one tensor, or one named mels or x"
            )
        if made_for != settings.hash:
            raise MelFileError(
                f"{path}: its log-Mels were made with other settings "
                f"(mel_hash {made_for}, not {settings.hash})"
            )
        if (kind := file.get_slice(chosen[0]).get_dtype()) == "BF16":
            raise MelFileError(f"{path}: holds {kind}, which numpy has not; save it as float32")
        array: NDArray[Any] = file.get_tensor(chosen[0])
    return array
