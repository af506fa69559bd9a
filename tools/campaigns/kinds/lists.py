"""The lists of Speech Commands: what they name must not be trained on without a word."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from scoresubnet.data.sources import find_clips
from tools.campaigns.mutations import FOREIGN, TEXTS, mutated
from tools.campaigns.verdicts import Case

WORDS = ("bed", "yes", "no")


def lists(random: random.Random, box: Path, material: Path) -> Case:
    """Six empty clips, of which the lists name three, in some way or other."""
    clips = [f"{word}/{speaker:08x}_nohash_0" for word in WORDS for speaker in (1, 2)]
    for clip in clips:
        path = box / "in" / f"{clip}.{random.choice(('wav', 'flac'))}"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    named = random.sample(clips, 3)
    for name, own in (("testing", named[:2]), ("validation", named[2:])):
        (box / "in" / f"{name}_list.txt").write_bytes(_list(random, own))

    def found() -> str | None:
        source = {"kind": "speech_commands", "root": str(box / "in")}
        clips = find_clips([source])
        trained = {f"{c.label}/{c.path.stem}" for c in clips if c.split == "training"}
        sys.stderr.flush()
        quiet = not os.path.getsize(box / "printed" / "stderr")
        meant = trained & {n for n in named if n.encode() in _content(box)}
        return f"trained on without a word: {sorted(meant)}" if meant and quiet else None

    return Case(found, ("_list.txt", "/in"))


def _list(random: random.Random, clips: list[str]) -> bytes:
    lines = [clip + random.choice((".wav", ".wav", ".flac", "")) for clip in clips]
    front = random.choice(("", "", "", "./", "speech_commands/", "/data/", "../"))
    lines = [front + line for line in lines]
    if random.random() < 0.3:
        lines.insert(random.randrange(3), random.choice((*TEXTS, "bed/none_nohash_9.wav", "# x")))
    text = random.choice(("\n", "\n", "\r\n", "\r", "\n\n")).join(lines)
    if random.random() < 0.1:
        text = text.replace("/", "\\")
    encoding = random.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"))
    data = text.encode(encoding, "replace")
    what = random.random()
    return (
        mutated(random, data, 200)
        if what < 0.2
        else random.choice(FOREIGN)
        if what < 0.25
        else data
    )


def _content(box: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in (box / "in").glob("*_list.txt"))
