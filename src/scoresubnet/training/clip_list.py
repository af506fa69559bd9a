"""The clips that a run was begun with, wherever they lie: a line for each in `clips.jsonl`."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from scoresubnet.data.clips import Clip
from scoresubnet.files import write_text

FILE_NAME = "clips.jsonl"

_log = logging.getLogger(__name__)


def keep_clips(folder: Path, clips: Iterable[Clip], resumed: bool, changes: bool) -> None:
    """Write down the clips of a new run; refuse to resume one with others.

    A clip is its kind of source, word, split, file name and size: it may be moved or touched.
    Testing clips do not count, as no training reads them. A run that version 0.2 began has no
    list: the clips that are there now are taken down.

    Args:
        folder: of the run.
        clips: what it has now.
        resumed: whether it was begun before.
        changes: whether clips may have been added or removed since; they are logged.

    Raises:
        ValueError: clips were added or removed, and that is not allowed.
    """
    path = folder / FILE_NAME
    now = Counter(_line(clip) for clip in clips if clip.split != "testing")
    if resumed and path.is_file():
        before = Counter(path.read_text(encoding="utf-8", errors="replace").splitlines())
        added, removed = now - before, before - now
        if not added and not removed:
            return
        said = (
            f"{folder}: the clips are not those that this run began with: {added.total()} added, "
            f"{removed.total()} removed, such as {min([*added, *removed])}"
        )
        if not changes:
            raise ValueError(
                f"{said}; restore them, choose another --out, "
                "or go on with what is there by --run.allow_changed_data true"
            )
        _log.warning("%s; going on with what is there", said)
    write_text(path, "".join(f"{line}\n" for line in sorted(now.elements())))


def _line(clip: Clip) -> str:
    size = clip.path.stat().st_size
    return json.dumps([clip.source, clip.label, clip.split, clip.path.name, size])
