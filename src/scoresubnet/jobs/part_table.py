"""A table of what was made, a line each: every part of a job has a file of its own.

That of a whole job is `<name>.csv`, that of a part such as `<name>.3-of-16.csv`.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from scoresubnet.files import append, lock, naming, release, write_text
from scoresubnet.jobs.parts import Part


class Line(Protocol):
    """A line of a table: a dataclass, whose fields are the columns; None is an empty one."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def read(cls, values: list[str]) -> Self:
        """From the columns of a file.

        Raises:
            ValueError: they are not such.
        """
        ...

    @property
    def key(self) -> tuple[str, int]:
        """What the line is of, and in which order lines are put together."""
        ...


L = TypeVar("L", bound=Line)


class PartTable(Generic[L]):
    """The lines that are on the disk, of all parts. A part writes to a file of its own alone.

    Args:
        folder: of the job.
        name: of the file, without suffix.
        part: whose file is written to.
        kind: of the lines.
        command: that makes such tables, for errors.

    Attributes:
        path: of that file.
        lines: by key.
    """

    def __init__(self, folder: Path, name: str, part: Part, kind: type[L], command: str) -> None:
        self.folder, self.part, self.kind, self.command = folder, part, kind, command
        self.path = folder / f"{name}{part.suffix}.csv"
        self.lines: dict[tuple[str, int], L] = {}
        self.columns = [field.name for field in fields(kind)]
        self._whole = folder / f"{name}.csv"
        self._of_parts = re.compile(re.escape(name) + r"\.\d+-of-\d+\.csv")
        self._parts: list[Path] = []

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Read what is there, and keep other processes out of these files.

        Raises:
            ValueError: another process writes them, or one of them is no such table.
        """
        handles = []
        if self.part.is_all:
            self._parts = self._found()
        try:
            for path in (self.path, *self._parts):
                with naming(path):
                    path.touch()
                handles.append(_locked(path))
            if not self.part.is_all:
                for path in (self._whole, *self._found()):
                    with suppress(FileNotFoundError):  # not yet, or put together meanwhile
                        self._note(self._read(path, is_locked=False))
            for path in (self.path, *self._parts):
                self._note(self._read(path))
            yield
        finally:
            for handle in handles:
                release(handle)

    def add(self, lines: Iterable[L]) -> None:
        """Write lines down, for good.

        Raises:
            OSError: they cannot be written; the message names the file.
        """
        lines = list(lines)
        with naming(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(self._rows(lines))
            file.flush()
            os.fsync(file.fileno())
        self._note(lines)

    def forget(self, is_lost: Callable[[L], bool]) -> None:
        """Take lines for not there, of which the thing itself is lost."""
        self.lines = {key: line for key, line in self.lines.items() if not is_lost(line)}

    def join(self) -> None:
        """Put the files of all parts into one, in the order of the keys."""
        text = self._text(self.lines[key] for key in sorted(self.lines))
        if self.path.read_text(encoding="utf-8") != text:
            write_text(self.path, text)
        for path in self._parts:
            path.unlink()

    def _found(self) -> list[Path]:
        """The files of parts, of whatever division."""
        files = sorted(self.folder.iterdir())
        return [path for path in files if self._of_parts.fullmatch(path.name)]

    def _note(self, lines: Iterable[L]) -> None:
        self.lines |= {line.key: line for line in lines}

    def _read(self, path: Path, is_locked: bool = True) -> list[L]:
        """The whole lines of a file; what was cut off by a kill is taken away if it is locked."""
        text, head = path.read_text(encoding="utf-8", errors="replace"), self._text([])
        whole = text[: text.rfind("\n") + 1]
        rows = list(csv.reader(io.StringIO(whole)))
        if not (rows[0] == self.columns if rows else head.startswith(text)):
            raise ValueError(
                f"{path}: is no manifest of `scoresubnet {self.command}`; choose another --out"
            )
        if is_locked and whole != text:
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # in place: it is locked
        if is_locked and not whole:
            append(path, head.encode())
        try:
            return [self.kind.read(row) for row in rows[1:]]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: damaged ({error}); choose another --out") from error

    def _text(self, lines: Iterable[L]) -> str:
        return ",".join(self.columns) + "\n" + self._rows(lines)

    def _rows(self, lines: Iterable[L]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([getattr(line, name) for name in self.columns] for line in lines)
        return text.getvalue()


def _locked(path: Path) -> int | None:
    try:
        return lock(path, wait=False)
    except BlockingIOError as error:
        raise ValueError(
            f"{path}: another process is writing clips there; wait for its end, or choose "
            "another --out"
        ) from error
