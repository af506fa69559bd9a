"""Free Spoken Digit Dataset (Jackson et al.; Zenodo): ten digits, six speakers, 8 kHz."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from scoresubnet.data.clips import Clip, Split, list_audio
from scoresubnet.data.words import DIGITS, resolve_words

_NAME = re.compile(r"(?P<digit>[0-9])_(?P<speaker>[^_]+)_(?P<take>[0-9]+)")
_TEST_TAKES = 5


def find_fsdd(root: str | os.PathLike[str], words: Sequence[str] | str | None = None) -> list[Clip]:
    """The clips `recordings/<digit>_<speaker>_<take>` (.wav or .flac).

    Takes 0 to 4 are testing, the official rule; the others training. There is no validation split.

    Args:
        root: the folder that holds `recordings`.
        words: a list or the name of a word set, of which the digits are taken; None for all ten.

    Raises:
        FileNotFoundError: `recordings` is missing.
        ValueError: no digit is among the words, a file name does not follow the rule, or a digit
            has no clips.
    """
    folder = Path(root) / "recordings"
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; give the root of FSDD")
    wanted = DIGITS if words is None else [w for w in resolve_words(words) if w in DIGITS]
    if not wanted:
        raise ValueError(f"FSDD has only {', '.join(DIGITS)}; give one of them, not {words!r}")
    clips: dict[str, list[Clip]] = {word: [] for word in wanted}
    for path in list_audio(folder):
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise ValueError(f"{path}: not named <digit>_<speaker>_<take>; rename or remove it")
        word = DIGITS[int(match["digit"])]
        if word in clips:
            split: Split = "testing" if int(match["take"]) < _TEST_TAKES else "training"
            clips[word].append(Clip(path, word, split, "fsdd", speaker=match["speaker"]))
    for word, found in clips.items():
        if not found:
            raise ValueError(f"{folder}: no clips of the digit {DIGITS.index(word)} ({word})")
    return [clip for word in wanted for clip in clips[word]]
