"""Parts of a larger job: which share each of them does, and how its files are named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """Part `number` of `of`: every `of`-th thing, beginning with the `number`-th; 1/1 is all.

    Raises:
        ValueError: there is no such part.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of <= 100_000:
            raise ValueError(f"part {self}: parts go from 1/N to N/N")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def read(cls, text: str | None) -> Part:
        """From text such as "3/16"; None is all.

        Raises:
            ValueError: it is not of that form.
        """
        if text is None:
            return cls()
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if match is None:
            raise ValueError(f"part {text!r}; give it as 3/16: the third of sixteen")
        return cls(int(match[1]), int(match[2]))

    @property
    def is_all(self) -> bool:
        """Whether there is no other part."""
        return self.of == 1

    @property
    def suffix(self) -> str:
        """Of its files: nothing of a whole job."""
        return "" if self.is_all else f".{self.number}-of-{self.of}"

    def share(self, count: int) -> int:
        """Its share of so many things."""
        return count // self.of + (self.number <= count % self.of)

    def has(self, place: int) -> bool:
        """Whether the thing at a place is in its share."""
        return place % self.of == self.number - 1

    def take(self, things: Sequence[T]) -> Sequence[T]:
        """Its share of some things, `share(len(things))` of them."""
        return things[self.number - 1 :: self.of]
