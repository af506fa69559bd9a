"""`scoresubnet expand`: recordings of a few words in, many judged clips of them out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from jsonargparse import Namespace

from scoresubnet.expansion.run import Expanded, Expansion
from scoresubnet.expansion.surroundings import Surroundings
from scoresubnet.jobs.parts import Part
from scoresubnet.pipeline import towards_of
from scoresubnet.process.allocator import keep_freed_memory
from scoresubnet.sampling import SETTINGS


def run(values: Namespace) -> None:
    """Make what is missing, and say what there is.

    Raises:
        ValueError: the recordings, the weights or a setting cannot be used.
        OSError: something cannot be written.
    """
    keep_freed_memory()
    job = Expansion(
        recordings=values.recordings,
        weights=values.weights,
        out=values.out,
        per_word=values.per_word,
        accept=values.accept,
        copies=values.copies,
        judge=values.judge,
        part=Part.read(values.part),
        seed=values.seed,
        sampling=values.sampling,
        overrides={name: values[name] for name in SETTINGS},
        vocoder=values.vocoder,
        towards=towards_of(values.towards, values.share),
        surroundings=Surroundings(values.noise, values.room, values.level),
        backend=values.backend,
    )
    found = job.run(progress=not values.json)
    if values.json:
        print(
            json.dumps({"out": str(job.out), "words": [asdict(word) for word in found]}, indent=1)
        )
        return
    for word in found:
        print(_said(word, job.copies))
    print(Path(job.out) / f"manifest{job.part.suffix}.csv")


def _said(word: Expanded, with_copies: bool) -> str:
    text = f"{word.word}: {word.kept:,} kept"
    if with_copies:
        text += f", {word.copies:,} of them copies"
    text += f"; refused {word.unheard:,} not heard as asked for"
    if not with_copies:
        text += f", {word.copies:,} copies"
    if word.given_up:
        way = "lower --accept" if word.unheard > word.copies else "record more, or give --copies"
        text += f"; given up, as hardly any was kept: listen to some, and {way}"
    return text
