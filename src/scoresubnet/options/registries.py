"""Looking a name up in a registry, and what to say of a name that is not there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

Entry = TypeVar("Entry")


def find(kind: str, name: str, registry: Mapping[str, Entry]) -> Entry:
    """The entry of that name.

    Args:
        kind: what the registry holds, as the message calls it.
        name: a key of it.
        registry: name -> entry.

    Raises:
        ValueError: there is none; the message names all that there are, the nearest first.
    """
    refuse_unknown(kind, name, registry)
    return registry[name]


def refuse_unknown(kind: str, name: str, known: Collection[str], advice: str = "") -> None:
    """Do nothing for a known name.

    Args:
        kind: what is looked up, as the message calls it.
        name: what was asked for.
        known: what there is.
        advice: what else to do, for the end of the message.

    Raises:
        ValueError: it is unknown; the message names all that there are, the nearest first.
    """
    if name not in known:
        near = ", ".join(nearest_names(name, known)) or "none"
        end = f"; {advice}" if advice else ""
        raise ValueError(f"unknown {kind} {name!r}; nearest first, there are: {near}{end}")


def nearest_names(
    name: object, known: Iterable[str], most: int | None = None, cutoff: float = 0.0
) -> list[str]:
    """The known names, the nearest first.

    Args:
        name: what was asked for.
        known: what there is.
        most: how many at most; all if None.
        cutoff: the least likeness, 0 to 1.
    """
    names = list(known)
    return get_close_matches(str(name), names, n=most or max(1, len(names)), cutoff=cutoff)
