"""Own recordings: one folder a word, split by a hash of the file name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from scoresubnet.data.clips import Clip, Split, speaker_of, word_files


def find_folder(
    root: str | os.PathLike[str], words: Sequence[str] | str | None = None
) -> list[Clip]:
    """The clips `<word>/*.wav` or `*.flac`, about 80 / 10 / 10 % training, validation, testing.

    A clip's split depends on its file name alone, without the suffix: it stays when files are
    added. Of `<speaker>_nohash_<take>` only the speaker counts, so that takes stay together.

    Raises:
        FileNotFoundError: the root is missing.
        ValueError: a word has no folder (the nearest names are listed), or no clips.
    """
    return [
        Clip(path, word, split_of(path.stem), "folder", speaker=speaker_of(path.stem))
        for word, path in word_files(Path(root), words)
    ]


def split_of(stem: str) -> Split:
    """The split of a file name without its suffix."""
    speaker = speaker_of(stem) if "_nohash_" in stem else None  # others were split by name before
    name = (speaker or stem).encode(errors="surrogateescape")  # also where it is not UTF-8
    tenth = int.from_bytes(hashlib.sha256(name).digest()[:8]) % 10
    return "testing" if tenth == 0 else "validation" if tenth == 1 else "training"
