"""Numbers that no network has, refused before anything is built."""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from typing import Any

MOST_BLOCKS = 256
MOST_CHANNELS = 65_536


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
