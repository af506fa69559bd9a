"""Sets of words, by name or as a list."""

from __future__ import annotations

from collections.abc import Sequence

from scoresubnet.registries import refuse_unknown

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_COMMANDS = ("up", "down", "left", "right", "go", "bed", "cat", "happy")

UNCONDITIONAL = "none"
"""The label that asks for no word in particular; no word may have this name."""

WORD_SETS: dict[str, tuple[str, ...]] = {
    "SC09": DIGITS,
    "SC12": ("zero", "one", "five", "eight", *_COMMANDS),
    "WORDS18": (*DIGITS, *_COMMANDS),
}


def resolve_words(words: Sequence[str] | str) -> tuple[str, ...]:
    """The words of a list, or of a named set ("SC09", "SC12", "WORDS18"); their order is kept.

    Raises:
        ValueError: the name is unknown, the list is empty, or a word is there twice.
    """
    if isinstance(words, str):
        refuse_unknown("word set", words, WORD_SETS, "give a single word as a list of one")
        return WORD_SETS[words]
    if not words:
        raise ValueError("the list of words is empty; name at least one, or leave it out for all")
    twice = sorted({word for word in words if list(words).count(word) > 1})
    if twice:
        raise ValueError(f"words named twice: {', '.join(twice)}; name each once")
    return tuple(words)
