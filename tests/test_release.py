"""The version is told alike in every place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION = PROJECT["version"]


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


def test_what_comes_next_is_gathered_above_the_releases() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", changelog, flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", h) for h in headings[1:])


def test_the_classifiers_begin_with_the_oldest_python_that_is_taken() -> None:
    named = re.findall(
        r"Python :: 3\.(\d+)$", "\n".join(PROJECT["classifiers"]), flags=re.MULTILINE
    )
    minors = [int(minor) for minor in named]
    assert PROJECT["requires-python"] == f">=3.{minors[0]}"
    assert minors == list(range(minors[0], minors[-1] + 1))
