"""Numbers that nothing can be done with, refused before anything is built or read."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Collection
from typing import Any

MOST_BLOCKS = 256
MOST_CHANNELS = 65_536
MOST = 10**9
"""Of any number in a training config: more steps, minutes or frames than anybody has."""


def check_shape(config: Any, may_be_zero: Collection[str] = ()) -> None:
    """Refuse numbers out of range; those of files and of configs by hand alike.

    Args:
        config: a dataclass. Its fields `blocks` and `<what>_blocks` count blocks, `dropout` is a
            share, and every other whole number is a size.
        may_be_zero: names of fields.

    Raises:
        ValueError: a size is not positive or beyond `MOST_CHANNELS`, there are more blocks than
            `MOST_BLOCKS` in a field, a field is empty, or the dropout does not lie in [0, 1).
    """
    for name, value in vars(config).items():
        numbers = value if isinstance(value, tuple | list) else (value,)
        is_count = name.endswith("blocks")
        least, most = int(name not in may_be_zero), MOST_BLOCKS if is_count else MOST_CHANNELS
        wanted = f"{least} to {most}" + ", all together" * is_count
        if name == "dropout":
            wrong, wanted = not 0 <= value < 1, "0 or more, and less than 1"
        elif not numbers:
            wrong = True
        elif type(numbers[0]) is int:
            wrong = min(numbers) < least or (sum if is_count else max)(numbers) > most
        else:
            wrong = False
        if wrong:
            shown = f"{type(config).__name__}.{name} = {reprlib.repr(value)}"
            raise ValueError(f"{shown} is out of range; give {wanted}")


def check_numbers(config: Any, *shares: str) -> None:
    """Refuse numbers that nothing can be done with, before anything is read.

    Args:
        config: a dataclass; its text and truth values are left alone.
        shares: the fields that are at most 1.

    Raises:
        ValueError: a number is missing, negative, NaN, beyond `MOST`, or a share beyond 1.
    """
    for name, value in vars(config).items():
        most = 1 if name in shares else MOST
        if not isinstance(value, str | bool) and not (value is not None and 0 <= value <= most):
            shown = f"{type(config).__name__}.{name} = {value}"
            raise ValueError(f"{shown} is out of range; give a number from 0 to {most:,}")


def whole_number(name: str, value: object, least: int, most: int | None = None) -> int:
    """The integer that a value of any kind of integer stands for, such as numpy's and torch's.

    Raises:
        ValueError: it is a truth value or no integer, or out of range.
    """
    try:
        if isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
        if number < least or (most is not None and number > most):
            raise TypeError
    except TypeError:
        bounds = f"of at least {least}" if most is None else f"between {least} and {most}"
        raise ValueError(f"{name} {value} is out of range; it is a whole number {bounds}") from None
    return number
