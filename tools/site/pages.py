"""Where the pages of the repository stand on the site, and what their links become there.

The repository's pages are the only source, and read well on a code host as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
CARDS = "src/scoresubnet/pretrained"
MOVED = {
    "README.md": "index.md",  # where docs/index.md stands for it
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "docs/log/README.md": "log/index.md",
}

FENCED = re.compile(r"(^```.*?^```$)", flags=re.M | re.S)
LINK = re.compile(r'(\]\(|src=")([^)"#\s]+)((?:#[^)"\s]*)?[)"])')
HIDDEN = re.compile(r"<!-- site:\s(.*?)\s*-->", flags=re.S)


def sources(root: Path = ROOT) -> Iterator[Path]:
    """Every page of the site, where it is in the repository."""
    found = {root / name for name in MOVED}
    for pattern in ("docs/**/*.md", "docs/*.ipynb", f"{CARDS}/*.md"):
        found |= set(root.glob(pattern))
    yield from sorted(found - {root / "README.md"})


def place(path: Path, root: Path = ROOT) -> str:
    """The address on the site of a file of the repository; a notebook's is that of its page."""
    name = path.relative_to(root).as_posix()
    if name in MOVED:
        return MOVED[name]
    if path.suffix == ".ipynb":
        path, name = path.with_suffix(".md"), f"{name.removesuffix('.ipynb')}.md"
    if name.startswith(f"{CARDS}/") and path.suffix == ".md":
        return f"weights/{path.name}"
    return name.removeprefix("docs/") if name.startswith("docs/") else f"files/{name}"


def shown(text: str) -> str:
    """The text with `<!-- site: ... -->` uncovered: what a code host could not show."""
    return HIDDEN.sub(r"\1", text)


def moved(text: str, page: Path, root: Path = ROOT) -> tuple[str, set[Path]]:
    """The text with its links as they are on the site, and the files that they lead to.

    Links to places of the site that `page` has beside it there alone, such as the browser page, are
    for the builder of the site to check.

    Raises:
        ValueError: a link leads out of the repository.
    """
    base = PurePosixPath(place(page, root)).parent
    files: set[Path] = set()

    def move(link: re.Match[str]) -> str:
        before, target, after = link.groups()
        path = Path(os.path.normpath(page.parent / target))
        if ":" in target or not path.is_file():
            return link[0]
        if not path.is_relative_to(root):
            raise ValueError(f"{page}: a link leads out of the repository: {target}")
        files.add(path)
        return f"{before}{os.path.relpath(place(path, root), base)}{after}"

    return _outside_fences(text, lambda part: LINK.sub(move, part)), files


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    parts = FENCED.split(text)
    parts[::2] = map(change, parts[::2])
    return "".join(parts)
