"""What was made, a line for each clip: in `manifest.csv` those that are kept, in `refused.csv`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scoresubnet.jobs.part_table import PartTable
from scoresubnet.jobs.parts import Part


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
        near: whether it counts as a copy of that one.
    """

    file: str
    word: str
    number: int
    seed: int
    heard: str
    sure: float
    distance: float
    recording: str
    near: bool

    @classmethod
    def read(cls, values: list[str]) -> Row:
        """From the columns of a file.

        Raises:
            ValueError: they are no clip.
        """
        file, word, number, seed, heard, sure, distance, recording, near = values
        about = (float(sure), float(distance), recording, near == "True")
        return cls(file, word, int(number), int(seed), heard, *about)

    @property
    def key(self) -> tuple[str, int]:
        """Word and number."""
        return self.word, self.number


class Manifest:
    """The rows that are on the disk, of all parts.

    Args:
        folder: of the clips.
        part: whose files are written to.

    Attributes:
        kept, refused: the tables of both.
    """

    def __init__(self, folder: Path, part: Part) -> None:
        self.kept, self.refused = (
            PartTable(folder, name, part, Row, "expand") for name in ("manifest", "refused")
        )

    @property
    def rows(self) -> dict[tuple[str, int], Row]:
        """All, by word and number, the kept ones first; of one in both tables, that of these."""
        return self.kept.lines | self.refused.lines | self.kept.lines

    def by_word(self) -> defaultdict[str, list[Row]]:
        """All, of each word; one pass over what may be a million."""
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.rows.values():
            found[row.word].append(row)
        return found

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Read what is there, and keep other processes out of these files.

        Raises:
            ValueError: another process writes them, or one of them is no manifest.
        """
        with self.kept.opened(), self.refused.opened():
            yield

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows down, for good.

        Raises:
            OSError: they cannot be written; the message names the file.
        """
        rows = list(rows)
        self.kept.add(row for row in rows if row.file)
        self.refused.add(row for row in rows if not row.file)

    def join(self) -> None:
        """Put the files of all parts into one, word by word in the order of the numbers."""
        self.refused.forget(lambda row: row.key in self.kept.lines)
        self.kept.join()
        self.refused.join()
