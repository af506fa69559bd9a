"""Every link of the built site leads somewhere in it, and nothing is fetched from elsewhere.

Zensical checks links between pages; not those to other files, nor what stands in the pages as HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"link": "href", "script": "src", "img": "src", "audio": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page names (`ids`), leads to (`links`) and fetches (`fetched`)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if FETCHED.get(tag) in found:
            self.fetched.add(found[FETCHED[tag]])


def faults(site: Path, apart: str) -> Iterator[str]:
    """A line for each link that leads nowhere, and for each file that is fetched from elsewhere.

    Args:
        apart: a folder whose pages are not read, as its own tests do so.
    """
    pages = {
        path.resolve(): Page(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if path.relative_to(site).parts[0] != apart
    }
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        for target in sorted(page.links | page.fetched):
            url = urlsplit(target)
            if url.scheme or url.netloc:
                if target in page.fetched and url.scheme != "data":
                    yield f"{name} fetches {target}"
                continue
            there = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not there.is_file():
                yield f"{name} has a link to {target}, which is not there"
            elif url.fragment and there in pages and unquote(url.fragment) not in pages[there].ids:
                yield f"{name} has a link to {target}, where there is no such place"
