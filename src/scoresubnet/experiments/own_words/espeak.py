"""Clips of a text-to-speech system: espeak-ng, all its voices and variants, pitch and speed."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from scoresubnet.audio.io import Audio, read_audio, write_wav
from scoresubnet.experiments.own_words.words import Language
from scoresubnet.files import new_folder

PROGRAM = "espeak-ng"
_FILE = re.compile(r"(?:\S+\s+){4}(?:!v/)?(.+?)(?:\s+\(.*)?")
"""The fifth column of the table that `--voices` prints; names of variants may have a space."""
_QUIET, _MARGIN = 0.02, 480
"""What counts as silence, of the peak, and samples of it that are left: 30 ms."""


def require_espeak() -> None:
    """Look for the program.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
    """
    if shutil.which(PROGRAM) is None:
        raise FileNotFoundError(f"{PROGRAM} is not installed; `apt-get install {PROGRAM}`")


def speak(language: Language, count: int, seed: int, folder: Path) -> None:
    """Write `<word>/<number>.wav`, so many of each word, into a new folder.

    Silence before and after the word is cut off, so that the word stands in the middle of a second
    as in recordings.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
        RuntimeError: it fails; the message has what it said.
    """
    require_espeak()
    voices, variants = (_listed(what) for what in (language.voice, "variant"))
    voices = [voice for voice in voices if not voice.startswith("mb/")]  # need files of their own
    random_ = random.Random(seed)
    with new_folder(folder) as unfinished:
        for word, text in zip(language.words, language.spoken, strict=True):
            (unfinished / word).mkdir()
            for number in range(count):
                voice = f"{random_.choice(voices)}+{random_.choice(variants)}"
                pitch, speed = random_.randint(20, 80), random_.randint(110, 210)
                path = unfinished / word / f"{number:05d}.wav"
                options = ["-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(path)]
                _run(*options, text)
                write_wav(path, _cut(read_audio(path)))


def _cut(sound: Audio) -> Audio:
    """The sound without silence at its ends, but for a margin."""
    (loud,) = np.nonzero(np.abs(sound) > _QUIET * np.abs(sound).max())
    return sound[max(0, loud[0] - _MARGIN) : loud[-1] + 1 + _MARGIN]


def _listed(what: str) -> list[str]:
    """Files of voices, as `-v` takes them."""
    lines = _run(f"--voices={what}").splitlines()[1:]
    rows = [_FILE.fullmatch(line.strip()) for line in lines]
    return [row[1] for row in rows if row]


def _run(*arguments: str) -> str:
    """What the program prints."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{PROGRAM} failed: {' '.join(done.stderr.split()) or done.returncode}")
    return done.stdout
