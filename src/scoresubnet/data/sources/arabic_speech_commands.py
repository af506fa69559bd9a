"""Arabic Speech Commands (Ghandoura, Hjabo & Al Dakkak 2021) in its official layout.

Engineering Applications of Artificial Intelligence 102, 104267.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from scoresubnet.data.clips import Clip, Split, speaker_of, word_files
from scoresubnet.data.sources.split_lists import clip_key, read_splits
from scoresubnet.data.words import ARABIC

_log = logging.getLogger(__name__)
_LISTS: dict[str, Split] = {
    "train.csv": "training",
    "val.csv": "validation",
    "test.csv": "testing",
}
_HEADER = "file,class"
_ADVICE = (
    "restore it from the archive of the Arabic Speech Commands, or, if this is another corpus, "
    f"take {', '.join(_LISTS)} away and read it as any folder of words (source kind 'folder')"
)


def find_arabic_speech_commands(
    root: str | os.PathLike[str], words: Sequence[str] | str | None = None
) -> list[Clip]:
    """The clips `<keyword>/<speaker>_NO_<take>` (.wav or .flac) with their official splits.

    A label is the word that is said, in Latin letters (`words.ARABIC`), or else the keyword, which
    is English. The lists name all clips, as `dataset/<keyword>/<name>.wav,<keyword>`, and are read
    as those of Speech Commands are. A clip that is in none of them is left out, as nothing tells
    whether its speaker is for testing; one warning counts such clips.

    Args:
        root: the folder that holds the three lists, and the keyword folders or `dataset` with them.
        words: a list of labels, the name of one of `words.WORD_SETS`, or None for all.

    Raises:
        FileNotFoundError: the root or one of the three lists is missing.
        ValueError: a word has no folder (the nearest names are listed), or no clips; a list is not
            UTF-8, or has lines and none names a clip that is there; a clip is in two lists, or all
            are in none.
    """
    root = Path(root)
    inside = root / "dataset" if (root / "dataset").is_dir() else root
    files = word_files(inside, words, ARABIC)
    lists = {root / name: split for name, split in _LISTS.items()}
    splits = read_splits(lists, inside, [path for _, path in files], _ADVICE, path_of=_path)
    if unlisted := [path for _, path in files if clip_key(path) not in splits]:
        of = f"{len(unlisted)} of {len(files)} clips are in none of {', '.join(_LISTS)}"
        if len(unlisted) == len(files):
            raise ValueError(f"{root}: {of}; {_ADVICE}")
        _log.warning("%s: %s, such as %s, and are left out", root, of, clip_key(unlisted[0]))
    return [
        Clip(
            path,
            word,
            splits[clip_key(path)],
            "arabic_speech_commands",
            speaker=speaker_of(path.stem),
        )
        for word, path in files
        if clip_key(path) in splits
    ]


def _path(line: str) -> str:
    """The file of a line; "" for the header."""
    return "" if line.strip() == _HEADER else line.partition(",")[0].strip(' "')
