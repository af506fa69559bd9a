"""The pages of the repository, and what stands in them as code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from scoresubnet.model_about import shipped_weights

ROOT = Path(__file__).resolve().parents[1]
CARDS = {name: path.with_suffix(".md") for name, path in shipped_weights().items()}
PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/api").glob("*.md")),
]
LINKED = [*PAGES, *sorted((ROOT / "docs/log").glob("*.md")), *CARDS.values()]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.M | re.S)


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def examples(page: str, language: str = "python") -> list[str]:
    """The fenced blocks of a language in a page of `docs/`."""
    blocks = FENCE.findall(text_of(ROOT / "docs" / page))
    return [block for name, block in blocks if name == language]


def shell_lines(page: Path) -> list[str]:
    """The lines of indented blocks, continued ones joined, without comments of their own."""
    text = FENCE.sub("", text_of(page)).replace("\\\n", " ")
    return [line for line in re.findall(r"^    (\S.*)$", text, flags=re.M) if line[0] != "#"]


def commands(page: Path) -> list[list[str]]:
    """The arguments of every `scoresubnet ...` line, also where torchrun or srun starts it."""
    own = r"(?:(?:torchrun|srun) .* )?(?:-m |\S*bin/)?scoresubnet (.*)$"
    found = (re.match(own, line) for line in shell_lines(page))
    return [shlex.split(match[1], comments=True) for match in found if match]
