"""One recording of one word, and how its files are found."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from scoresubnet.audio.io import AUDIO_SUFFIXES
from scoresubnet.data.words import nfc, resolve_words
from scoresubnet.files import escaped
from scoresubnet.options.registries import refuse_unknown

_log = logging.getLogger(__name__)
_SHOWN = 5  # left-out files that a warning names

Split = Literal["training", "validation", "testing"]
SPLITS: tuple[Split, ...] = get_args(Split)
_SPEAKER = re.compile(r"(?P<speaker>.*?)_nohash_.*|(?P<number>[0-9]{8})_NO_[0-9]+")


@dataclass(frozen=True)
class Clip:
    """A sound file that holds one word.

    Attributes:
        path: the file.
        label: the word, in NFC.
        split: what it is for.
        source: the kind of source it is from.
        weight: how often training draws it, relative to others.
        speaker: who says it, where the name of the file tells.
    """

    path: Path
    label: str
    split: Split
    source: str
    weight: float = 1.0
    speaker: str | None = None


def speaker_of(stem: str) -> str | None:
    """The speaker that a file name without its suffix tells, or None.

    `<speaker>_nohash_<take>` is the rule of Speech Commands, `<8 digits>_NO_<take>` that of the
    Arabic Speech Commands (Ghandoura et al. 2021).
    """
    match = _SPEAKER.fullmatch(stem)
    return match and (match["speaker"] or match["number"])


def visible_files(folder: Path, suffixes: Sequence[str], pattern: str = "*") -> list[Path]:
    """The files of a folder with one of these suffixes, in either case; sorted.

    Hidden files (`._a.wav`, which macOS writes beside `a.wav`) and what lies in hidden folders are
    left out. Links whose target is missing count, so that their readers name them.

    Args:
        folder: where to look.
        suffixes: such as ".wav", in lower case.
        pattern: `*`, or `**/*` for any depth.
    """
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (path.is_file() or (path.is_symlink() and not path.exists()))
    )


def label_folders(root: Path, labels: Mapping[str, str] | None = None) -> dict[str, Path]:
    """Label -> folder, sorted: those in `root` whose name does not start with "_" or ".".

    Args:
        root: where to look.
        labels: name of a folder -> its label, of folders that are not named by their label.

    Raises:
        ValueError: two folders are of the same word.
    """
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        if path.is_dir() and path.name[0] not in "_.":
            name = nfc(path.name)
            label = (labels or {}).get(name, name)
            if label in found:
                raise ValueError(
                    f"{root}: two folders are of the word {label!r}; put them together"
                )
            found[label] = path
    return found


def list_audio(folder: Path) -> list[Path]:
    """The .wav and .flac files of a folder, by name; hidden ones are left out.

    Of files that differ in their suffix alone one counts: a .wav before a .flac, `a.wav` before
    `a.WAV`. The others are logged as a warning.
    """
    files = visible_files(folder, AUDIO_SUFFIXES)
    files.sort(key=lambda p: (p.suffix.lower(), p))  # the last of a stem counts
    by_stem = {p.stem: p for p in files}
    if others := [p.name for p in files if by_stem[p.stem] is not p]:
        _log.warning(
            "%s: %d files are left out, as others have the same name but for the suffix: %s",
            escaped(str(folder)),
            len(others),
            escaped(", ".join(others[:_SHOWN])),
        )
    return [by_stem[stem] for stem in sorted(by_stem)]


def word_files(
    root: Path, words: Sequence[str] | str | None, labels: Mapping[str, str] | None = None
) -> list[tuple[str, Path]]:
    """(word, file) of `<word>/*.wav` or `*.flac` under `root`, of these words in order, or of all.

    Folders whose name starts with "_" or "." (as `_background_noise_`) hold no word. `labels` has
    the words of folders that are not named by their word.

    Raises:
        FileNotFoundError: `root` is not a folder.
        ValueError: a word has no folder (the nearest names are listed), two, or no clips, a name
            cannot be a word, or nothing is there.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: there is no such folder; give the folder of the words")
    found = label_folders(root, labels)
    if not found:
        raise ValueError(f"{root}: no word folders here; expected <word>/*.wav or *.flac")
    wanted = resolve_words(tuple(found) if words is None else words)
    for word in wanted:
        said = "what is said in " if labels else ""
        refuse_unknown("word", word, found, f"words are {said}the folders in {root}")
    files = {word: list_audio(found[word]) for word in wanted}
    for word in wanted:
        if not files[word]:
            raise ValueError(f"{found[word]}: no .wav or .flac files here; name other words")
    return [(word, path) for word in wanted for path in files[word]]
