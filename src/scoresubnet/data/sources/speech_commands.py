"""Google Speech Commands (Warden 2018, arXiv 1804.03209) in its official layout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from scoresubnet.data.clips import Clip, Split, speaker_of, word_files


def find_speech_commands(
    root: str | os.PathLike[str], words: Sequence[str] | str | None = None
) -> list[Clip]:
    """The clips `<word>/<speaker>_nohash_<take>` (.wav or .flac) with their official splits.

    `validation_list.txt` and `testing_list.txt` name files as `<word>/<name>.wav`, whatever the
    suffix on the disk; all others are training clips.

    Args:
        root: the folder that holds the word folders and the two lists.
        words: a list, the name of one of `words.WORD_SETS`, or None for every word that is there.

    Raises:
        FileNotFoundError: the root or one of the two lists is missing.
        ValueError: a word has no folder (the nearest names are listed), or no clips.
    """
    root = Path(root)
    files = word_files(root, words)
    splits: dict[str, Split] = {
        **_listed(root / "validation_list.txt", "validation"),
        **_listed(root / "testing_list.txt", "testing"),
    }
    return [
        Clip(
            path,
            word,
            splits.get(f"{word}/{path.stem}", "training"),
            "speech_commands",
            speaker=speaker_of(path.stem),
        )
        for word, path in files
    ]


def _listed(path: Path, split: Split) -> dict[str, Split]:
    """`<word>/<name>`, without the suffix, -> split, for each line of an official list."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: the official split list is missing; restore it from the Speech Commands "
            "archive, or read this folder with the source kind 'folder'"
        )
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return {PurePosixPath(line).with_suffix("").as_posix(): split for line in lines if line}
