"""Recordings of a few words, one folder a word, each cut to the second that holds the word."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from scoresubnet.audio.io import Audio, AudioError
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.cache import read_clip
from scoresubnet.data.clips import speaker_of, word_files
from scoresubnet.data.words import as_labels
from scoresubnet.files import escaped, file_hash

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """One recording of one word.

    Attributes:
        path: the file.
        word: what is said: the name of its folder, in NFC.
        speaker: who says it, where the name of the file tells.
        audio: the second of most energy, or the whole word in the middle of zeros, (16000,).
        seconds: length of the file.
    """

    path: Path
    word: str
    speaker: str | None
    audio: Audio
    seconds: float = 1.0


def content_of(recordings: Sequence[Recording]) -> str:
    """Sixteen hex digits that change with any word or file."""
    content = hashlib.sha256()
    for recording in recordings:
        content.update(recording.word.encode() + b"\0" + file_hash(recording.path).encode())
    return content.hexdigest()[:16]


def read_recordings(
    root: str | os.PathLike[str], settings: MelSettings | None = None
) -> list[Recording]:
    """The recordings `<word>/*.wav` or `*.flac` of a folder, word by word.

    Those that are broken or silent are left out; which, and why, is logged as a warning.

    Args:
        root: the folder of the words.
        settings: sample rate and length; `MelSettings()` if None.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it has no word, the name of a folder cannot be one, or none of the recordings
            of a word can be used.
    """
    settings = settings or MelSettings()
    files = word_files(Path(root), None)
    words = as_labels(list(dict.fromkeys(word for word, _ in files)))
    found: list[Recording] = []
    left_out: list[str] = []
    for word, path in files:
        try:
            audio = read_clip(path, settings)
        except AudioError as error:
            left_out.append(str(error))
            continue
        seconds = soundfile.info(path).duration
        found.append(Recording(path, word, speaker_of(path.stem), audio, seconds))
    if left_out:
        _log.warning("left out: %s", escaped("; ".join(left_out)))
    heard = {recording.word for recording in found}
    if silent := [word for word in words if word not in heard]:
        raise ValueError(
            f"{Path(root) / silent[0]}: none of its recordings can be used; "
            "listen to them, record them again, or delete the folder"
        )
    return found
