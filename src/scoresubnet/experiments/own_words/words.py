"""The words of the experiment, and recordings of them by speakers that the tests do not have."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scoresubnet.audio.io import fit_length, read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.clips import Clip, Split
from scoresubnet.data.sources import find_clips
from scoresubnet.files import new_folder


@dataclass(frozen=True)
class Language:
    """Words that some weights do not know.

    Attributes:
        name: of the rows.
        kind: of the source of the recordings.
        root: its folder, below the data.
        words: labels.
        evaluator: a judge that knows them.
        spoken: what espeak-ng is asked for, word by word: text, or phonemes in [[]] where it leaves
            out vowels that Arabic does not write.
        voice: its language.
        heard: whether pocketsphinx knows the words.
    """

    name: str
    kind: str
    root: str
    words: tuple[str, ...]
    evaluator: str
    spoken: tuple[str, ...]
    voice: str
    heard: bool

    def clips(self, data: Path, split: Split) -> list[Clip]:
        """The clips of a split."""
        source = {"kind": self.kind, "root": str(data / self.root), "words": list(self.words)}
        return [clip for clip in find_clips([source]) if clip.split == split]


LANGUAGES = {
    "english": Language(
        "english",
        "speech_commands",
        "speech_commands",
        ("bed", "cat", "happy", "go", "up"),
        "words18",
        ("bed", "cat", "happy", "go", "up"),
        "en",
        heard=True,
    ),
    "arabic": Language(
        "arabic",
        "arabic_speech_commands",
        "arabic_speech_commands",
        ("arbaa", "asfal", "sifr", "sitta", "thamaniya"),  # drawn from those never looked at
        "arabic16",
        ("أَرْبَعَه", "أَسْفَل", "صِفْر", "[[s'it:ah]]", "[[Tama:n'ijah]]"),
        "ar",
        heard=False,
    ),
}


def choose_recordings(clips: Sequence[Clip], count: int, seed: int, folder: Path) -> None:
    """Copy so many clips of each word, of as many speakers as there are, into `<word>/`.

    Args:
        clips: to choose from; their speakers are known.
        count: of each word.
        seed: which ones.
        folder: a new one.
    """
    random_ = random.Random(seed)
    with new_folder(folder) as unfinished:
        for word in dict.fromkeys(clip.label for clip in clips):
            takes: dict[str | None, list[Clip]] = {}
            for clip in clips:
                if clip.label == word:
                    takes.setdefault(clip.speaker, []).append(clip)
            speakers = sorted(takes, key=str)
            random_.shuffle(speakers)
            for each in takes.values():
                random_.shuffle(each)
            most = max(len(each) for each in takes.values())
            turns = [takes[s][k] for k in range(most) for s in speakers if k < len(takes[s])]
            (unfinished / word).mkdir()
            for clip in turns[:count]:
                shutil.copy(clip.path, unfinished / word / clip.path.name)


def log_mels(paths: Sequence[Path], mel: MelSettings) -> Tensor:
    """Scaled log-Mels (N, 1, F, T) of sound files."""
    sounds = np.stack([fit_length(read_audio(path), mel.clip_samples) for path in paths])
    with torch.no_grad():
        return LogMel(mel)(torch.from_numpy(sounds))
