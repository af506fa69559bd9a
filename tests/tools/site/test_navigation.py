"""The navigation has every page, and none that is not there."""

import pytest

from tools.site.navigation import Entry, navigation

GIVEN: list[Entry] = [
    {"Home": "index.md"},
    {"Measure": [{"Results": "results.md"}, "results/*"]},
    {"Log": [{"All": "log/index.md"}, "log/*"]},
]


def test_pages_that_are_not_there_are_left_out_and_folders_are_filled() -> None:
    pages = ["index.md", "log/index.md", "log/2026-01-01.md", "log/2026-02-02.md"]
    assert navigation(GIVEN, pages) == [
        {"Home": "index.md"},
        {"Log": [{"All": "log/index.md"}, "log/2026-02-02.md", "log/2026-01-01.md"]},
    ]


def test_pages_that_came_are_taken() -> None:
    assert navigation(GIVEN, ["index.md", "results.md", "results/a.md"]) == [
        {"Home": "index.md"},
        {"Measure": [{"Results": "results.md"}, "results/a.md"]},
    ]


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not in the navigation of zensical\.toml: new\.md"):
        navigation(GIVEN, ["index.md", "new.md"])
