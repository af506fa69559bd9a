"""One recording of one word, and how its files are found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from scoresubnet.data.words import nearest, resolve_words

Split = Literal["training", "validation", "testing"]
SPLITS: tuple[Split, ...] = get_args(Split)
AUDIO_SUFFIXES = (".wav", ".flac")


@dataclass(frozen=True)
class Clip:
    """A sound file that holds one word.

    Attributes:
        path: the file.
        label: the word.
        split: what it is for.
        source: the kind of source it is from.
        weight: how often training draws it, relative to others.
    """

    path: Path
    label: str
    split: Split
    source: str
    weight: float = 1.0


def speaker_of(stem: str) -> str | None:
    """The speaker in a file name without its suffix, or None if it tells none.

    Speech Commands writes `<speaker>_nohash_<take>`, the Arabic Speech Commands Dataset
    `<speaker, 8 digits>_NO_<take>`.
    """
    match = re.fullmatch(r"(.+)_nohash_.*|(\d{8})_NO_\d+", stem)
    return (match[1] or match[2]) if match else None


def list_audio(folder: Path) -> list[Path]:
    """The .wav and .flac files of a folder, by name; of a pair the .wav counts."""
    files = [p for p in folder.iterdir() if p.suffix.lower() in AUDIO_SUFFIXES and p.is_file()]
    files.sort(key=lambda p: (p.suffix.lower(), p))  # .wav after .flac, and so replaces it
    by_stem = {p.stem: p for p in files}
    return [by_stem[stem] for stem in sorted(by_stem)]


def word_folders(root: Path, words: Sequence[str] | str | None) -> list[Path]:
    """The folder of each word under `root`: those asked for, in that order, or all by name.

    Folders whose name starts with "_" or "." (as `_background_noise_`) hold no word.

    Raises:
        FileNotFoundError: `root` is not a folder.
        ValueError: a word has no folder (the nearest names are listed), or nothing is there.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: there is no such folder; give the folder of the words.")
    found = {p.name: p for p in sorted(root.iterdir()) if p.is_dir() and p.name[0] not in "_."}
    if not found:
        raise ValueError(f"{root}: no word folders here; expected <word>/*.wav or *.flac.")
    for word in (wanted := list(found) if words is None else resolve_words(words)):
        if word not in found:
            raise ValueError(f"{root}: no folder for the word {word!r}{nearest(word, found)}.")
    return [found[word] for word in wanted]
