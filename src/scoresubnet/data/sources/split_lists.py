"""The lists of a corpus that say for what its clips are: training, validation, testing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath

from scoresubnet.data.clips import Split, label_folders, list_audio
from scoresubnet.data.words import nfc

_log = logging.getLogger(__name__)


def clip_key(path: PurePath) -> str:
    """`<folder>/<name>`, without the suffix: what lines and files are matched by."""
    return nfc(f"{path.parent.name}/{path.stem}")


def read_splits(
    lists: Mapping[Path, Split],
    root: Path,
    files: Sequence[Path],
    advice: str,
    corpus: Collection[str] = (),
    path_of: Callable[[str], str] = str.strip,
) -> dict[str, Split]:
    """`clip_key` -> split of all that is listed, whether or not it is there.

    Lines of the folders of `files`, or of none of the corpus, that match no file are counted in one
    warning: a folder may hold a part of the corpus.

    Args:
        lists: list -> what its clips are for. Each line names a clip as `<folder>/<name>`, with any
            suffix, and with anything in front.
        root: holds the folders of the words.
        files: the clips that are asked for.
        advice: what to do about a list that cannot be used, for the end of a message.
        corpus: names of the folders of the whole corpus; those that are listed if empty.
        path_of: line -> the path in it, or "" if it has none.

    Raises:
        FileNotFoundError: a list is missing.
        ValueError: a list is not UTF-8, has zero bytes, or has lines and none names a clip that is
            there; or a clip is in two lists.
    """
    there = {clip_key(path) for path in files}
    folders = label_folders(root)
    splits: dict[str, Split] = {}
    for path, split in lists.items():
        listed = dict.fromkeys(_keys(path, path_of, advice), split)
        if twice := listed.keys() & splits.keys():
            clip = min(twice)
            first = next(other.name for other in lists if lists[other] == splits[clip])
            raise ValueError(
                f"{path.parent}: {clip} is in both {first} and {path.name}; take it out of one"
            )
        if listed and listed.keys().isdisjoint(there):
            every = (clip_key(clip) for folder in folders.values() for clip in list_audio(folder))
            if listed.keys().isdisjoint(every):
                raise ValueError(
                    f"{path}: none of its {len(listed)} lines names a clip in {root}; {advice}"
                )
        splits |= listed
    known = {*(corpus or map(_folder, splits)), *folders}
    others = known - {"", *map(_folder, there)}
    if lacking := [key for key in splits if key not in there and _folder(key) not in others]:
        _log.warning(
            "%s: %d lines of its lists match no clip here, such as %s; they do in the whole corpus",
            root,
            len(lacking),
            lacking[0],
        )
    return splits


def _keys(path: Path, path_of: Callable[[str], str], advice: str) -> list[str]:
    """The key of each line of a list.

    Raises:
        FileNotFoundError: there is no such list.
        ValueError: it is not UTF-8, or has zero bytes.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the official split list is missing; {advice}")
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\\", "/")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text; {advice}") from error
    if "\0" in text:
        raise ValueError(f"{path}: damaged, as it has zero bytes; {advice}")
    paths = (path_of(line).strip() for line in text.splitlines())
    return [clip_key(PurePosixPath(each)) for each in paths if each]


def _folder(key: str) -> str:
    return key.split("/")[0]
