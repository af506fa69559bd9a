"""Clips of a text-to-speech system: espeak-ng, all its voices and variants, pitch and speed."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

from scoresubnet.experiments.own_words.words import Language
from scoresubnet.files import new_folder

PROGRAM = "espeak-ng"


def speak(language: Language, count: int, seed: int, folder: Path) -> None:
    """Write `<word>/<number>.wav`, so many of each word, into a new folder.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
    """
    if shutil.which(PROGRAM) is None:
        raise FileNotFoundError(f"{PROGRAM} is not installed; `apt-get install {PROGRAM}`")
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
                subprocess.run([PROGRAM, *options, text], check=True, capture_output=True)


def _listed(what: str) -> list[str]:
    """Files of voices, as `-v` takes them."""
    table = subprocess.run(
        [PROGRAM, f"--voices={what}"], check=True, capture_output=True, text=True
    ).stdout
    files = [line.split()[4] for line in table.splitlines()[1:]]
    return [file.removeprefix("!v/") for file in files]
