"""Changes at random: of bytes, and of plain values."""

from __future__ import annotations

import copy
import random
from typing import Any

INTEGERS = (0, 1, 2, 3, 255, 0x7FFF, 0xFFFF, 1 << 24, (1 << 31) - 1, (1 << 32) - 1, 1 << 40)
TEXTS = (
    *("", " ", "none", "../x", "../../x", "/x", "a/b", ".", "..", "a\nb", "a\tb", "\0", "\x1b[2J"),
    *("$x$", "$\\frac", "é", "e\u0301", "日本", "yes" * 100, "-x", "--", "yes", "no", "null", "1"),
    *("nan", "1e999", "True", "%s", "{}", "[", "\ud800", "\u202ex", "~", "*"),
)
NUMBERS = (
    *(-1, 0, 1, 2, 3, 7, 1.5, -0.0, 1e-300, 1e300, float("nan"), float("inf")),
    *(1 << 16, 1 << 31, 1 << 63, 1 << 64, 10**30),
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    *NUMBERS,
    None,
    True,
    False,
    [],
    {},
    [1],
    [[]],
    {"a": 1},
    ["yes"],
    [None],
)
FOREIGN = (
    *(b"", b"\n", b"\0" * 64, b"\xef\xbb\xbf", b"RIFF", b"fLaC", b"PK\x03\x04", b"\x93NUMPY"),
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 132\n",
    *(b"<!DOCTYPE html><title>404</title>", b"\x80\x04N.", b"ID3\x04\0\0\0\0\0\0", b"OggS\0" * 9),
)
"""Contents of files that are something else."""


def mutated(random: random.Random, data: bytes, head: int = 64) -> bytes:
    """The data with one to three changes, most of them in its first `head` bytes."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        end = min(head, len(changed)) if random.random() < 0.8 else len(changed)
        at = random.randrange(end + 1)
        size = random.choice((1, 2, 4, 8))
        what = random.randrange(8)
        if what < 4:
            number = (random.choice(INTEGERS) % (1 << 8 * size)).to_bytes(size, "little")
            changed[at : at + size] = number if what < 2 else number[::-1]
        elif what == 4:
            changed[at : at + size] = random.randbytes(size)
        elif what == 5:
            del changed[at : at + random.choice((1, 7, 100))]
        elif what == 6:
            changed[at:at] = random.choice((random.randbytes(size), *FOREIGN))
        else:
            del changed[random.randrange(len(changed) + 1) :]
    return bytes(changed)


def altered(random: random.Random, value: Any) -> Any:
    """A copy of nested dicts and lists in which one node is replaced, dropped, doubled or renamed.

    The deeper of two that are drawn is taken: there are few at the top.
    """
    value = copy.deepcopy(value)
    nodes: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)):
            nodes.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(value)
    if not nodes:
        return random.choice(VALUES)
    node, key = nodes[max(random.randrange(len(nodes)) for _ in range(2))]
    what = random.randrange(8)
    if what == 0:
        del node[key]
    elif what == 1 and isinstance(node, list):
        node.append(node[key])
    elif what == 1:
        node[random.choice(TEXTS)] = node.pop(key)
    elif what == 2 and isinstance(node[key], int | float):
        node[key] *= random.choice((-1, 0, 0.5, 1000, 10**7))
    else:
        node[key] = random.choice(VALUES)
    return value
