"""The cache: what is made of each clip, kept by name, settings and content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from scoresubnet.audio.io import Audio
from scoresubnet.files import write_bytes, write_json

BATCH = 32  # clips that are worked on before their rows are kept


class Cache:
    """Rows in `<folder>/<name>-<hash of the settings>/<hash of the content>.npy`.

    Nothing is made twice, whatever set a clip is in, and an interrupted run goes on where it
    stopped. The settings lie beside the rows as JSON.

    Args:
        folder: made when the first row is kept.
        progress: show a bar over what is missing.
    """

    def __init__(self, folder: Path, progress: bool = True) -> None:
        self.folder, self.progress = folder, progress

    def rows(
        self,
        name: str,
        settings: Mapping[str, object],
        keys: Sequence[str],
        make: Callable[[list[int]], Sequence[NDArray[Any]]],
    ) -> list[NDArray[Any]]:
        """A row for each key.

        Args:
            name: of what is made, fit for the name of a folder.
            settings: all that a row depends on besides its key, ready for JSON.
            keys: `content_key` of each item.
            make: positions among the keys -> their rows; called for some of the missing at a time.

        Raises:
            ValueError: a kept file is damaged (it is named).
        """
        place = self.folder / f"{name}-{settings_key(name, settings)}"
        paths = [place / f"{key}.npy" for key in keys]
        missing = {path: k for k, path in reversed(list(enumerate(paths))) if not path.is_file()}
        wanted = sorted(missing.values())
        if wanted:
            write_json(place / "settings.json", {"name": name, **settings})
        off = not self.progress or not wanted
        with tqdm(total=len(wanted), desc=name, unit="clip", disable=off) as bar:
            for start in range(0, len(wanted), BATCH):
                part = wanted[start : start + BATCH]
                for k, row in zip(part, make(part), strict=True):
                    file = BytesIO()
                    np.save(file, row, allow_pickle=False)
                    write_bytes(paths[k], file.getbuffer())
                bar.update(len(part))
        return [_read(path) for path in paths]


def content_key(*clips: Audio) -> str:
    """Sixty-four hex digits that change with any sample, and with the bounds between clips."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(f"{len(clip)} ".encode())
        digest.update(np.ascontiguousarray(clip, dtype="<f4").tobytes())
    return digest.hexdigest()


def settings_key(name: str, settings: Mapping[str, object]) -> str:
    """Sixteen hex digits that change with the name and any setting."""
    text = json.dumps({"name": name, **settings}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> NDArray[Any]:
    try:
        row: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: damaged; delete it, and it is made again ({error})") from error
    return row
