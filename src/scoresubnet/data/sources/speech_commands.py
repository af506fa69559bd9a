"""Google Speech Commands (Warden 2018, arXiv 1804.03209) in its official layout."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath

from scoresubnet.data.clips import (
    Clip,
    Split,
    label_folders,
    list_audio,
    speaker_of,
    word_files,
)
from scoresubnet.data.words import nfc

_log = logging.getLogger(__name__)
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
    asked = {word for word, _ in files}
    there = {_key(word, path) for word, path in files}
    splits: dict[str, Split] = {}
    for name, split in _LISTS.items():
        listed = dict.fromkeys(_listed(root / name), split)
        if twice := listed.keys() & splits.keys():
            raise ValueError(
                f"{root}: {min(twice)} is in both {' and '.join(_LISTS)}; take it out of one"
            )
        if listed and listed.keys().isdisjoint(there) and listed.keys().isdisjoint(_all(root)):
            raise ValueError(
                f"{root / name}: none of its {len(listed)} lines names a clip in {root}; {_ADVICE}"
            )
        splits |= listed
    others = {*_CORPUS.split(" "), *label_folders(root)} - asked
    if lacking := [k for k in splits if k not in there and k.split("/")[0] not in others]:
        _log.warning(
            "%s: %d lines of its lists match no clip here, such as %s; they do in the whole corpus",
            root,
            len(lacking),
            lacking[0],
        )
    return [
        Clip(
            path,
            word,
            splits.get(_key(word, path), "training"),
            "speech_commands",
            speaker=speaker_of(path.stem),
        )
        for word, path in files
    ]


def _listed(path: Path) -> list[str]:
    """The key of each line of an official list.

    Raises:
        FileNotFoundError: there is no such list.
        ValueError: it is not UTF-8, or has zero bytes.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the official split list is missing; {_ADVICE}")
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\\", "/")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text; {_ADVICE}") from error
    if "\0" in text:
        raise ValueError(f"{path}: damaged, as it has zero bytes; {_ADVICE}")
    lines = [PurePosixPath(line.strip()) for line in text.splitlines() if line.strip()]
    return [_key(line.parent.name, line) for line in lines]


def _key(word: str, path: PurePath) -> str:
    """`<word>/<name>`, without the suffix: what lines and files are matched by."""
    return nfc(f"{word}/{path.stem}")


def _all(root: Path) -> set[str]:
    """The keys of all clips of all words."""
    folders = label_folders(root)
    return {_key(word, path) for word in folders for path in list_audio(folders[word])}
