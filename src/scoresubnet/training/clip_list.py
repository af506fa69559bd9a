"""The clips that a run was begun with, wherever they lie: a line for each in `clips.jsonl`."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from scoresubnet.data.clips import Clip
from scoresubnet.data.words import nfc
from scoresubnet.files import escaped, write_text

FILE_NAME = "clips.jsonl"

_log = logging.getLogger(__name__)


def refuse_other_clips(folder: Path, clips: Iterable[Clip], changes: bool) -> None:
    """Refuse to resume a run with other clips than those that it has written down, if it has.

    A clip is its kind of source, word, split, file name (in NFC) and size: it may be moved or
    touched. Testing clips do not count, as no training reads them; unusable clips do. A run that
    version 0.2 began has no list.

    Args:
        folder: of the run.
        clips: what it has now.
        changes: whether clips may have been added or removed since; they are logged.

    Raises:
        ValueError: clips were added or removed, and that is not allowed.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return
    now = Counter(_lines(clips))
    before = Counter(path.read_text(encoding="utf-8", errors="replace").splitlines())
    added, removed = now - before, before - now
    if not added and not removed:
        return
    said = (
        f"{folder}: the clips are not those that this run began with: {added.total()} added, "
        f"{removed.total()} removed, such as {_shown(min([*added, *removed]))}"
    )
    if not changes:
        raise ValueError(
            f"{said}; restore them, choose another --out, "
            "or go on with what is there by --run.allow_changed_data true"
        )
    _log.warning("%s; going on with what is there", said)


def keep_clips(folder: Path, clips: Iterable[Clip]) -> None:
    """Write down the clips of a run."""
    write_text(folder / FILE_NAME, "".join(f"{line}\n" for line in _lines(clips)))


def _lines(clips: Iterable[Clip]) -> list[str]:
    return sorted(_line(clip) for clip in clips if clip.split != "testing")


def _line(clip: Clip) -> str:
    try:
        size = clip.path.stat().st_size
    except OSError:  # missing: whoever reads it says so
        size = None
    return json.dumps([clip.source, clip.label, clip.split, nfc(clip.path.name), size])


def _shown(line: str) -> str:
    """`<word>/<file>` of a line, or a damaged line as it is."""
    try:
        _, label, _, name, _ = json.loads(line)
    except (TypeError, ValueError):
        return line
    return escaped(json.dumps(f"{label}/{name}", ensure_ascii=False)[1:-1])  # in one line
