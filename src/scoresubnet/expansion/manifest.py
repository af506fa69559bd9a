"""What was made, a line for each clip: in `manifest.csv` those that are kept, in `refused.csv`.

A part of a larger job has files of its own, such as `manifest.3-of-16.csv`.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from scoresubnet.files import lock, naming, release, write_text


@dataclass(frozen=True)
class Part:
    """Part `number` of `of`: every `of`-th clip of a word.

    Raises:
        ValueError: there is no such part.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of <= 100_000:
            raise ValueError(f"part {self.number}/{self.of}: parts go from 1/N to N/N")

    @classmethod
    def read(cls, text: str) -> Part:
        """From text such as "3/16".

        Raises:
            ValueError: it is not of that form.
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if match is None:
            raise ValueError(f"part {text!r}; give it as 3/16: the third of sixteen")
        return cls(int(match[1]), int(match[2]))

    @property
    def suffix(self) -> str:
        """Of its files: nothing of a whole job."""
        return "" if self.of == 1 else f".{self.number}-of-{self.of}"

    def share(self, count: int) -> int:
        """Its share of so many clips."""
        return count // self.of + (self.number <= count % self.of)


@dataclass(frozen=True)
class Row:
    """One clip.

    Attributes:
        file: in the folder of the manifest; of a refused clip nothing.
        word: asked for.
        number: of the clip among those of its word.
        seed: with it and the settings `generate` makes the same clip.
        heard: what the judge heard.
        sure: the judge's probability of the word asked for.
        distance: to the nearest recording of the word, see `nearest`.
        recording: that one.
    """

    file: str
    word: str
    number: int
    seed: int
    heard: str
    sure: float
    distance: float
    recording: str


COLUMNS = [field.name for field in fields(Row)]
_HEADER = ",".join(COLUMNS) + "\n"
_OF_PARTS = re.compile(r"(manifest|refused)\.\d+-of-\d+\.csv")


class Manifest:
    """The rows of a part that are on the disk; of a whole job, those of all its parts.

    Args:
        folder: of the clips.
        part: whose files are written to.

    Attributes:
        rows: by word and number.
    """

    def __init__(self, folder: Path, part: Part) -> None:
        self.folder = folder
        self.kept, self.refused = (
            folder / f"{name}{part.suffix}.csv" for name in ("manifest", "refused")
        )
        self.rows: dict[tuple[str, int], Row] = {}
        files = [] if part.of > 1 else sorted(folder.iterdir())
        self.parts = [path for path in files if _OF_PARTS.fullmatch(path.name)]

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Read what is there, and keep other processes out of these files.

        Raises:
            ValueError: another process writes them, or one of them is no manifest.
        """
        handles = []
        try:
            for path in (self.kept, self.refused, *self.parts):
                if not path.exists():
                    write_text(path, _HEADER)
                handles.append(_locked(path))
            for path in (self.kept, self.refused, *self.parts):
                self._note(_read(path))
            yield
        finally:
            for handle in handles:
                release(handle)

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows down, for good.

        Raises:
            OSError: they cannot be written; the message names the file.
        """
        rows = list(rows)
        for path, here in ((self.kept, True), (self.refused, False)):
            lines = _lines(row for row in rows if bool(row.file) == here)
            with naming(path), path.open("a", encoding="utf-8", newline="") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        self._note(rows)

    def _note(self, rows: Iterable[Row]) -> None:
        self.rows |= {(row.word, row.number): row for row in rows}

    def join(self) -> None:
        """Put the files of all parts into one, word by word in the order of the numbers."""
        if not self.parts:
            return
        rows = [self.rows[key] for key in sorted(self.rows)]
        write_text(self.kept, _HEADER + _lines(row for row in rows if row.file))
        write_text(self.refused, _HEADER + _lines(row for row in rows if not row.file))
        for path in self.parts:
            path.unlink()


def _locked(path: Path) -> int | None:
    try:
        return lock(path, wait=False)
    except BlockingIOError as error:
        raise ValueError(
            f"{path}: another process is writing clips there; wait for its end, or choose "
            "another --out"
        ) from error


def _read(path: Path) -> list[Row]:
    """The whole lines of a file; what was cut off by a kill is taken away from it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # in place: it is locked
    lines = list(csv.reader(io.StringIO(whole)))
    if not lines or lines[0] != COLUMNS:
        raise ValueError(f"{path}: is no manifest of `scoresubnet expand`; choose another --out")
    try:
        return [_row(values) for values in lines[1:]]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error}); choose another --out") from error


def _row(values: list[str]) -> Row:
    file, word, number, seed, heard, sure, distance, recording = values
    about = (float(sure), float(distance), recording)
    return Row(file, word, int(number), int(seed), heard, *about)


def _lines(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([getattr(row, name) for name in COLUMNS] for row in rows)
    return text.getvalue()
