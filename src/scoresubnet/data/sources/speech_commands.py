"""Google Speech Commands (Warden 2018, arXiv 1804.03209) in its official layout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from scoresubnet.data.clips import Clip, Split, speaker_of, word_files
from scoresubnet.data.sources.split_lists import clip_key, read_splits

_LISTS: dict[str, Split] = {"validation_list.txt": "validation", "testing_list.txt": "testing"}
_CORPUS = (
    "backward bed bird cat dog down eight five follow forward four go happy house learn left "
    "marvin nine no off on one right seven sheila six stop three tree two up visual wow yes zero"
)
"""Its words: of those that a folder lacks, lines of the lists tell nothing."""
_ADVICE = (
    "restore it from the Speech Commands archive, or read this folder with the source kind 'folder'"
)


def find_speech_commands(
    root: str | os.PathLike[str], words: Sequence[str] | str | None = None
) -> list[Clip]:
    """The clips `<word>/<speaker>_nohash_<take>` (.wav or .flac) with their official splits.

    `validation_list.txt` and `testing_list.txt` name files as `<word>/<name>.wav`, whatever the
    suffix on the disk, and whatever stands before the word; all others are training clips. Lines of
    these words, or of none of the corpus, that match no file are counted in one warning.

    Args:
        root: the folder that holds the word folders and the two lists.
        words: a list, the name of one of `words.WORD_SETS`, or None for every word that is there.

    Raises:
        FileNotFoundError: the root or one of the two lists is missing.
        ValueError: a word has no folder (the nearest names are listed), or no clips; a list is not
            UTF-8, or has lines and none names a file that is there; or a line is in both lists.
    """
    root = Path(root)
    files = word_files(root, words)
    lists = {root / name: split for name, split in _LISTS.items()}
    splits = read_splits(lists, root, [path for _, path in files], _ADVICE, _CORPUS.split(" "))
    return [
        Clip(
            path,
            word,
            splits.get(clip_key(path), "training"),
            "speech_commands",
            speaker=speaker_of(path.stem),
        )
        for word, path in files
    ]
