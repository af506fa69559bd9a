"""What stands in the navigation: what zensical.toml says, of the pages that are there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeAlias

Entry: TypeAlias = "str | dict[str, str | list[Entry]]"


def navigation(given: Sequence[Entry], pages: Collection[str]) -> list[Entry]:
    """The given entries without pages that are not there; `folder/*` is all further pages in it.

    Later names come first, so that a log begins with its newest page.

    Args:
        given: pages, folders, or {title: page or entries}.
        pages: addresses of the pages of the site, such as "log/index.md".

    Raises:
        ValueError: a page of the site is nowhere in the navigation.
    """
    named = set(_named(given))
    kept = _kept(given, pages, named)
    if missing := set(pages) - set(_named(kept)):
        raise ValueError(f"not in the navigation of zensical.toml: {', '.join(sorted(missing))}")
    return kept


def _named(entries: Sequence[Entry]) -> list[str]:
    found: list[str] = []
    for entry in entries:
        for value in [entry] if isinstance(entry, str) else entry.values():
            found += [value] if isinstance(value, str) else _named(value)
    return found


def _kept(entries: Sequence[Entry], pages: Collection[str], named: Collection[str]) -> list[Entry]:
    kept: list[Entry] = []
    for entry in entries:
        if isinstance(entry, str):
            kept += _expanded(entry, pages, named)
            continue
        for title, value in entry.items():
            if isinstance(value, str):
                there = value in pages or not value.endswith(".md")
                kept += [{title: value}] if there else []
            elif below := _kept(value, pages, named):
                kept.append({title: below})
    return kept


def _expanded(entry: str, pages: Collection[str], named: Collection[str]) -> list[Entry]:
    if not entry.endswith("/*"):
        return [entry] if entry in pages else []
    below = {page for page in pages if page.startswith(entry.removesuffix("*"))}
    return [*sorted(below - set(named), reverse=True)]
