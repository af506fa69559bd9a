"""Addresses and links on the site, and what only the site shows."""

from pathlib import Path

import pytest

from tools.site.pages import ROOT, moved, place, shown, sources


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("README.md", "index.md"),
        ("docs/index.md", "index.md"),
        ("docs/log/README.md", "log/index.md"),
        ("docs/using.md", "using.md"),
        ("docs/my-words.ipynb", "my-words.md"),
        ("docs/words.png", "words.png"),
        ("CHANGELOG.md", "changelog.md"),
        ("src/scoresubnet/pretrained/words18-small.md", "weights/words18-small.md"),
        ("src/scoresubnet/sde.py", "files/src/scoresubnet/sde.py"),
    ],
)
def test_each_file_has_its_address(name: str, address: str) -> None:
    assert place(ROOT / name) == address


def test_no_two_pages_have_one_address() -> None:
    addresses = [place(source) for source in sources()]
    assert len(addresses) == len(set(addresses))
    assert {"index.md", "my-words.md", "log/index.md", "changelog.md"} <= set(addresses)


@pytest.mark.parametrize(
    ("page", "given", "expected"),
    [
        ("docs/using.md", "[a](light.md#export)", "[a](light.md#export)"),
        ("docs/log/x.md", "[a](../vocoder.md)", "[a](../vocoder.md)"),
        ("docs/log/x.md", "[a](../../README.md)", "[a](../index.md)"),
        ("CONTRIBUTING.md", "[a](docs/log/README.md)", "[a](log/index.md)"),
        (
            "src/scoresubnet/pretrained/words18-small.md",
            "[a](../../../docs/using.md#train), [b](words18-paper.md)",
            "[a](../using.md#train), [b](words18-paper.md)",
        ),
        ("docs/demo.md", '<img src="demo/dark.png">', '<img src="demo/dark.png">'),
        ("docs/x.md", "[a](../LICENSE)", "[a](files/LICENSE)"),
        ("docs/x.md", "[a](https://example.org/README.md)", "[a](https://example.org/README.md)"),
        ("docs/x.md", "[a](#here) [b](speak/index.html)", "[a](#here) [b](speak/index.html)"),
        ("docs/x.md", "```js\nx[a](../LICENSE)\n```", "```js\nx[a](../LICENSE)\n```"),
    ],
)
def test_links_are_those_of_the_site(page: str, given: str, expected: str) -> None:
    assert moved(given, ROOT / page)[0] == expected


def test_files_that_are_shown_come_along() -> None:
    _, files = moved('![a](words.png) <img src="demo/dark.png">', ROOT / "docs/x.md")
    assert files == {ROOT / "docs/words.png", ROOT / "docs/demo/dark.png"}


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.md").touch()
    root = tmp_path / "repository"
    with pytest.raises(ValueError, match=r"out of the repository: \.\./other\.md"):
        moved("[a](../other.md)", root / "README.md", root)


def test_comments_for_the_site_are_uncovered() -> None:
    text = "a\n\n<!-- site:\n::: scoresubnet.sde\n\nb\n-->\n\n<!-- figures -->"
    assert shown(text) == "a\n\n::: scoresubnet.sde\n\nb\n\n<!-- figures -->"
