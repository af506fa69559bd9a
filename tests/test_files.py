"""Atomic writes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from scoresubnet.files import file_hash, is_utf8, replacing, write_json, write_text


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_hash_is_sha_256_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-2
    assert file_hash(tmp_path / "a").startswith("ba7816bf8f01cfea")
    assert len(file_hash(tmp_path / "a")) == 64


def test_text_and_json_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "record"
    write_text(path, "naïve")
    assert path.read_text(encoding="utf-8") == "naïve"
    write_json(path, {"x": (1, None)})
    assert json.loads(path.read_text()) == {"x": [1, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"x": math.nan})
    assert json.loads(path.read_text()) == {"x": [1, None]}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("name", "expected"), [("naïve/a", True), ("na\udcefve/a", False)])
def test_a_name_that_is_not_utf_8_is_told_and_written(
    tmp_path: Path, name: str, expected: bool
) -> None:
    assert is_utf8(name) is expected
    write_text(tmp_path / "a", name)
    assert (tmp_path / "a").read_text(encoding="utf-8") == name.replace("\udcef", "\\udcef")
    write_json(tmp_path / "a", name)
    assert json.loads((tmp_path / "a").read_text(encoding="utf-8")) == name
