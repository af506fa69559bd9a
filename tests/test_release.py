"""The version is told alike in every place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == VERSION
    (paper,) = citation["references"]
    assert paper["doi"] == "10.21437/Interspeech.2026-3448"
    assert paper["identifiers"] == [{"type": "other", "value": "arXiv:2606.20457"}]


def test_the_changelog_has_a_section_for_this_version_of_the_cited_date() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[(\S+)\] - (\S+)$", changelog, flags=re.MULTILINE)
    assert (VERSION, str(citation["date-released"])) in sections
    numbers = [tuple(map(int, version.split("."))) for version, _ in sections]
    assert numbers == sorted(numbers, reverse=True)  # newest first
