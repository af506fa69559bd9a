import math
from pathlib import Path

import pytest

from scoresubnet.evaluation.files import replacing, write_json, write_text


def fill_the_disk(path: Path) -> None:
    path.write_text("half")
    raise OSError("no space left")


def test_a_failed_write_leaves_the_older_file(tmp_path):
    path = tmp_path / "new" / "text.md"
    write_text(path, "first")
    with pytest.raises(OSError, match="no space"), replacing(path) as temporary:
        fill_the_disk(temporary)
    assert path.read_text() == "first"
    write_text(path, "naïve")
    assert path.read_text(encoding="utf-8") == "naïve"
    assert list(path.parent.iterdir()) == [path]


def test_json_refuses_what_it_cannot_say(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": math.nan})
    assert list(tmp_path.iterdir()) == []
