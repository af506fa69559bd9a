"""Looking a name up in a registry, and what to say of a name that is not there."""

from __future__ import annotations

from collections.abc import Mapping
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
    if name not in registry:
        near = get_close_matches(str(name), registry, n=max(1, len(registry)), cutoff=0.0)
        raise ValueError(f"unknown {kind} {name!r}; nearest first, there are: {', '.join(near)}")
    return registry[name]
