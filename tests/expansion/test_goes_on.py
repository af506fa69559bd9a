"""Jobs that were killed, come in parts, or grow later."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.audio.io import write_wav
from scoresubnet.expansion import Expansion
from scoresubnet.expansion import run as module
from scoresubnet.jobs.parts import Part
from tests.expansion.conftest import FEW, Job
from tests.expansion.written import read_manifest, read_sounds


def test_a_killed_job_goes_on_without_a_double_or_a_gap(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at each of its files, and with a sound that has no row."""
    monkeypatch.setattr(module, "BATCH", 2)
    whole = job(out=tmp_path / "whole")
    whole.run(progress=False)
    expected = read_sounds(tmp_path / "whole")
    monkeypatch.setattr(module, "BATCH", 2)
    written = 0

    def killed(path: Path, *arguments: Any) -> None:
        nonlocal written
        write_wav(path, *arguments)
        written += 1
        if written % 3 == 0:
            raise KeyboardInterrupt

    kills = 0
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_wav", killed)
        while True:
            try:
                found = job().run(progress=False)
                break
            except KeyboardInterrupt:
                kills += 1
    assert kills >= 3
    assert [e.kept for e in found] == [5, 5]
    assert read_sounds(tmp_path / "out") == expected
    for name in ("manifest", "refused"):
        rows = read_manifest(tmp_path / "out", name)
        assert len({(row["word"], row["number"]) for row in rows}) == len(rows)
        key = lambda row: (row["word"], int(row["number"]))  # noqa: E731
        assert sorted(rows, key=key) == sorted(read_manifest(tmp_path / "whole", name), key=key)


def test_parts_are_disjoint_and_a_last_call_puts_them_together(job: Job, tmp_path: Path) -> None:
    parts = [job(part=Part(k, 3)).run(progress=False) for k in (1, 2, 3)]
    assert [[e.kept for e in part] for part in parts] == [[2, 2], [2, 2], [1, 1]]
    sounds = read_sounds(tmp_path / "out")
    assert len(sounds) == 10
    whole = job().run(progress=False)
    assert [e.kept for e in whole] == [5, 5]
    assert read_sounds(tmp_path / "out") == sounds
    assert len(read_manifest(tmp_path / "out")) == 10
    assert not list((tmp_path / "out").glob("*-of-*"))
    numbers = [
        int(row["number"]) for row in read_manifest(tmp_path / "out") if row["word"] == "hiss"
    ]
    assert sorted(numbers) == [0, 1, 2, 3, 4]


def test_more_may_be_asked_for_later_but_nothing_else(job: Job, tmp_path: Path) -> None:
    job(per_word=2).run(progress=False)
    before = read_sounds(tmp_path / "out")
    job(per_word=4).run(progress=False)
    after = read_sounds(tmp_path / "out")
    assert len(after) == 8
    assert before.items() <= after.items()
    for change, named in (
        ({"seed": 1}, "seed"),
        ({"accept": 0.5}, "accept"),
        ({"copies": True}, "copies"),
        ({"judge": "classifier"}, "judge"),
        ({"overrides": FEW | {"guidance": 1.0}}, "sampling"),
    ):
        with pytest.raises(
            ValueError, match=f"out: has clips made with other {named}; choose another"
        ):
            job(**change).run(progress=False)
    assert read_sounds(tmp_path / "out") == after


def test_other_recordings_are_another_job(
    weights: Path, words_folder: Path, tmp_path: Path
) -> None:
    """As the judge and the distances are of them."""
    shutil.copytree(words_folder, tmp_path / "in")
    few: dict[str, Any] = {"per_word": 1, "accept": 0, "overrides": FEW}
    Expansion(tmp_path / "in", weights, tmp_path / "out", **few).run(progress=False)
    next((tmp_path / "in/hum").iterdir()).unlink()
    with pytest.raises(ValueError, match="out: has clips made with other recordings"):
        Expansion(tmp_path / "in", weights, tmp_path / "out", **few).run(progress=False)


def test_a_late_part_makes_no_more_than_was_asked_for(job: Job, tmp_path: Path) -> None:
    """In another division, before and after the last call, nothing is made twice either."""
    job(part=Part(1, 2), per_word=6).run(progress=False)
    before = read_sounds(tmp_path / "out")
    found = [job(part=Part(k, 3), per_word=6).run(progress=False) for k in (1, 2, 3)]
    assert before.items() <= read_sounds(tmp_path / "out").items()
    assert [e.kept for e in job(per_word=6).run(progress=False)] == [6, 6]
    assert len(found) == 3
    after = read_sounds(tmp_path / "out")
    for k in (1, 2):
        job(part=Part(k, 2), per_word=6).run(progress=False)
    assert read_sounds(tmp_path / "out") == after
