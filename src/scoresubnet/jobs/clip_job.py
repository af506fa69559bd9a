"""Many clips of some words in one folder, with a table; parts make them, and go on after kills."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scoresubnet.audio.io import write_wav
from scoresubnet.files import claim
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.jobs.part_table import PartTable
from scoresubnet.jobs.parts import Part

SETTINGS, OTHERS = "job.json", "settings.json"
"""What the clips of a folder depend on; the second one is of other commands."""
BATCH = 16
"""Clips that are made together. In another batch a clip is rounded otherwise, so a part makes whole
ones of the job, and a missing clip is made again among its neighbours."""

Wanted = tuple[str, int]
"""label, seed"""


@dataclass(frozen=True)
class ClipRow:
    """One clip that is written.

    Attributes:
        file: in the folder of the job.
        label: asked for.
        seed: of its noise.
        heard: the word that the classifier hears; None where there is none.
        confidence: its probability of that word; likewise.
    """

    file: str
    label: str
    seed: int
    heard: str | None
    confidence: float | None

    @classmethod
    def read(cls, values: list[str]) -> ClipRow:
        """From the columns of a file.

        Raises:
            ValueError: they are no clip.
        """
        file, label, seed, heard, confidence = values
        return cls(file, label, int(seed), heard or None, float(confidence) if confidence else None)

    @property
    def key(self) -> Wanted:
        """Label and seed."""
        return self.label, self.seed


@dataclass(frozen=True)
class ClipJob:
    """Clips `<label>-<seed>.wav`, with a row for each in `manifest.csv`.

    Attributes:
        out: the folder, which all parts share.
        part: of the batches.
        wanted: all clips of the job, each once.
        about: all that they depend on besides, ready for JSON.
        left_out: why clips could not be written, once it has run.
    """

    out: Path
    part: Part
    wanted: Sequence[Wanted]
    about: dict[str, Any]
    left_out: list[str] = field(default_factory=list, init=False)

    @staticmethod
    def is_in(out: Path) -> bool:
        """Whether a folder is that of a job."""
        return (out / SETTINGS).is_file()

    def table(self) -> PartTable[ClipRow]:
        """The rows of the part, which has a file of its own; not read yet."""
        return PartTable(self.out, "manifest", self.part, ClipRow, "generate")

    def run(
        self, generate: Callable[[list[str], list[int]], GeneratedSpeech], progress: bool = True
    ) -> list[ClipRow]:
        """Make what is missing of the part, batch by batch; of all, put the tables together.

        Args:
            generate: labels and seeds of a batch -> its clips.
            progress: show a bar.

        Returns:
            The clips of the part that are there now.

        Raises:
            ValueError: the folder has clips of another job or command, or another process is at
                this part.
            OSError: none of a whole batch can be written.
        """
        if (self.out / OTHERS).exists():
            raise ValueError(f"{self.out}: has clips of another command; choose another --out")
        if self.is_in(self.out):  # before a table is made there
            claim(self.out / SETTINGS, self.about)
        starts = self.part.take(range(0, len(self.wanted), BATCH))
        batches = [self.wanted[start : start + BATCH] for start in starts]
        own = [clip for batch in batches for clip in batch]
        table = self.table()
        with table.opened():
            claim(self.out / SETTINGS, self.about)
            there = {entry.name for entry in os.scandir(self.out)}
            table.forget(lambda row: row.file not in there)
            missing = {clip for clip in own if clip not in table.lines}
            found = len(own) - len(missing)
            with tqdm(total=len(own), initial=found, unit="clip", disable=not progress) as bar:
                for batch in batches:
                    if missing.isdisjoint(batch):
                        continue
                    made = generate([label for label, _ in batch], [seed for _, seed in batch])
                    rows, failed = save_wavs(made, self.out, wanted=missing)
                    table.add(rows)
                    self.left_out.extend(failed)
                    if missing.issuperset(batch) and not rows:
                        raise OSError(none_written(found, failed))
                    found += len(rows)
                    bar.update(len(rows))
            if self.part.is_all:
                table.join()
            return [table.lines[clip] for clip in own if clip in table.lines]


def save_wavs(
    speech: GeneratedSpeech,
    out: Path,
    single: bool = False,
    wanted: Container[Wanted] | None = None,
) -> tuple[list[ClipRow], list[str]]:
    """`out/<label>.wav` for a single clip, `out/<label>-<seed>.wav` for several; 16-bit PCM.

    Args:
        speech: clips.
        out: folder.
        single: whether there is one clip in all.
        wanted: those that are written; all if None.

    Returns:
        What was saved, and why the rest could not be written.
    """
    rows, left_out = [], []
    for k, (label, seed) in enumerate(zip(speech.labels, speech.seeds, strict=True)):
        if wanted is not None and (label, seed) not in wanted:
            continue
        name = f"{label}.wav" if single else f"{label}-{seed}.wav"
        try:
            write_wav(out / name, speech.audio[k], speech.rate)
        except OSError as error:
            left_out.append(str(error))
            continue
        heard = speech.heard[k] if speech.heard else None
        confidence = round(float(speech.confidence[k]), 4) if speech.heard else None
        rows.append(ClipRow(name, label, seed, heard, confidence))
    return rows, left_out


def none_written(before: int, failed: list[str]) -> str:
    """Why a command ends: a whole batch could not be written, nor would the next."""
    none = f"none of {len(failed)} sounds was written: " if len(failed) > 1 else ""
    return f"{f'{before} sounds are written, then ' if before else ''}{none}{failed[0]}"
