"""Words: what can be one, and sets of them, by name or as a list."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from scoresubnet.options.registries import refuse_unknown

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_COMMANDS = ("up", "down", "left", "right", "go", "bed", "cat", "happy")

ARABIC = {
    "zero": "sifr",
    "one": "wahid",
    "two": "ithnan",
    "three": "thalatha",
    "four": "arbaa",
    "five": "khamsa",
    "six": "sitta",
    "seven": "sabaa",
    "eight": "thamaniya",
    "nine": "tisaa",
    "up": "aala",
    "down": "asfal",
    "left": "yasar",
    "right": "yamin",
    "yes": "naam",
    "no": "la",
}
"""Keyword of the Arabic Speech Commands -> what is said, in Latin letters."""

UNCONDITIONAL = "none"
"""The label that asks for no word in particular; no word may have this name."""

WORD_SETS: dict[str, tuple[str, ...]] = {
    "SC09": DIGITS,
    "SC12": ("zero", "one", "five", "eight", *_COMMANDS),
    "WORDS18": (*DIGITS, *_COMMANDS),
    "ARABIC16": tuple(ARABIC.values()),
}

MOST_BYTES = 200
"""In UTF-8, of a word: a file's name may have 255, and `<word>-<seed>.wav` is longer."""
_CONTROLS = {"Cc", "Zl", "Zp"}  # control characters and ends of lines


def nfc(text: object) -> str:
    """Text in the form in which words are compared: macOS writes `ü` in names as two characters."""
    return unicodedata.normalize("NFC", str(text))


def as_word(text: object, what: str = "word") -> str:
    """The text in NFC, if it can be a word: it names files and folders, and is no path.

    Names that Windows alone keeps for itself are words (`con` is Spanish, `nul` French).

    Args:
        text: to be a word.
        what: it is to be, as the message calls it.

    Raises:
        ValueError: it is no text, is empty or too long, begins with a dot, begins or ends with a
            space, has a slash, a backslash or a control character, or is not UTF-8.
    """
    if not isinstance(text, str):
        raise ValueError(f"the {what} {text!r} is no text; put it in quotes")
    word = nfc(text)
    faults = {
        "is empty": not word,
        "begins or ends with a space": word != word.strip(),
        "has a slash or a backslash": "/" in word or "\\" in word,
        "begins with a dot": word.startswith("."),
        "has a control character": any(unicodedata.category(c) in _CONTROLS for c in word),
        "is not UTF-8": any(unicodedata.category(c) == "Cs" for c in word),
        f"is longer than {MOST_BYTES} bytes": len(word.encode(errors="replace")) > MOST_BYTES,
    }
    for fault, found in faults.items():
        if found:
            raise ValueError(f"the {what} {text[:MOST_BYTES]!r} {fault}; give it another name")
    return word


def as_labels(words: object) -> tuple[str, ...]:
    """The words of a model, one an output, from a file or before a training.

    Raises:
        ValueError: they are no list, one cannot be a word or is there twice, or one is "none".
    """
    if not isinstance(words, list | tuple):
        raise ValueError(f"labels {words!r} are no list of words")
    labels = resolve_words(words)
    if UNCONDITIONAL in labels:
        raise ValueError(f"the word {UNCONDITIONAL!r} is taken, for no word at all; rename it")
    return labels


def as_aliases(aliases: object, labels: Collection[str]) -> dict[str, str]:
    """Other spellings of a model's labels, from a file or a config: alias -> label, in NFC.

    Raises:
        ValueError: they are no mapping, an alias cannot be a word, is a label itself or "none", or
            is there twice, or what it stands for is no label.
    """
    if not isinstance(aliases, Mapping):
        raise ValueError(f"aliases {aliases!r} are no mapping of other spellings to labels")
    found: dict[str, str] = {}
    for text, target in aliases.items():
        alias, label = as_word(text, "alias"), nfc(target)
        refuse_unknown("label", label, labels, f"the alias {alias!r} is to stand for it")
        if alias in (*labels, UNCONDITIONAL):
            raise ValueError(f"the alias {alias!r} of {label!r} is a label itself; leave it out")
        if alias in found:
            raise ValueError(f"the alias {alias!r} is named twice; name it once")
        found[alias] = label
    return found


def resolve_words(words: Sequence[str] | str) -> tuple[str, ...]:
    """The words of a list, or of a named set, a key of `WORD_SETS`; their order is kept.

    Raises:
        ValueError: the name is unknown, the list is empty, or a word is there twice (in NFC) or
            cannot be one.
    """
    if isinstance(words, str):
        refuse_unknown("word set", words, WORD_SETS, "give a single word as a list of one")
        return WORD_SETS[words]
    if not words:
        raise ValueError("the list of words is empty; name at least one, or leave it out for all")
    found = tuple(as_word(word) for word in words)
    twice = sorted(word for word, count in Counter(found).items() if count > 1)
    if twice:
        raise ValueError(f"words named twice: {', '.join(twice)}; name each once")
    return found
