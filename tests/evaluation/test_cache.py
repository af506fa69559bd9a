"""Rows are kept by the samples of their clips, and made once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation import cache as module
from scoresubnet.evaluation.cache import Cache, content_key, settings_key
from scoresubnet.evaluation.judges.base import Embedded
from scoresubnet.evaluation.sections.common import Judging

CLIPS = [np.full(3, k / 7, dtype=np.float32) for k in range(8)]


class Counting:
    """Two features of a clip: its sum and its length; or these and two probabilities."""

    name = "counting"

    def __init__(self, version: str = "1", labels: tuple[str, ...] | None = None) -> None:
        self.version, self.labels = version, labels
        self.seen: list[int] = []
        self.fails_at = -1

    @property
    def settings(self) -> dict[str, object]:
        return {"version": self.version}

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        self.seen.append(len(clips))
        if len(self.seen) == self.fails_at:
            raise KeyboardInterrupt
        rows = np.array([[clip.sum(dtype=np.float64), len(clip)] for clip in clips])
        if self.labels is None:
            return Embedded(rows)
        p = rows[:, :1] / 10
        return Embedded(rows, np.hstack([p, 1 - p]))


def rows_of(judge: Counting, clips: Sequence[Audio], folder: Path) -> Embedded:
    return Judging((), Cache(folder, progress=False)).rows(judge, clips)


def test_a_clip_is_judged_once_whatever_set_it_is_in(tmp_path: Path) -> None:
    judge = Counting()
    first = rows_of(judge, CLIPS[:5], tmp_path)
    np.testing.assert_array_equal(first.embedding, judge(CLIPS[:5]).embedding)
    judge.seen.clear()
    mixed = [CLIPS[k].copy() for k in (4, 7, 0, 7)]
    second = rows_of(judge, mixed, tmp_path)
    assert judge.seen == [1]
    np.testing.assert_array_equal(second.embedding, judge(mixed).embedding)
    assert second.probabilities is None


def test_settings_and_samples_make_a_row_another(tmp_path: Path) -> None:
    rows_of(Counting(), CLIPS[:2], tmp_path)
    newer = Counting("2")
    rows_of(newer, CLIPS[:2], tmp_path)
    assert newer.seen == [2]
    again = Counting()
    other = [CLIPS[0], np.append(CLIPS[1], np.float32(0))]  # one zero longer
    assert rows_of(again, other, tmp_path).embedding[1, 1] == 4
    assert again.seen == [1]
    texts = {path.read_text() for path in tmp_path.glob("counting-*/settings.json")}
    assert {'"version": "1"' in text for text in texts} == {True, False}


def test_keys_see_names_settings_and_bounds() -> None:
    assert settings_key("a", {"x": 1, "y": 2}) == settings_key("a", {"y": 2, "x": 1})
    assert len({settings_key("a", {"x": 1}), settings_key("b", {"x": 1})}) == 2
    assert settings_key("a", {"x": 1}) != settings_key("a", {"x": 1.5})
    a, b = CLIPS[1], CLIPS[2]
    assert content_key(a, b) != content_key(b, a)
    assert content_key(a[:1], a[1:]) != content_key(a)
    assert content_key(a.astype(np.float64)) == content_key(a)


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    broken = Counting()
    broken.fails_at = 3
    with pytest.raises(KeyboardInterrupt):
        rows_of(broken, CLIPS, tmp_path)
    fresh = Counting()
    rows = rows_of(fresh, CLIPS, tmp_path)
    assert fresh.seen == [2]
    np.testing.assert_array_equal(rows.embedding, Counting()(CLIPS).embedding)
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith("tmp")]


def test_the_probabilities_of_a_classifier_come_back_too(tmp_path: Path) -> None:
    for _ in range(2):  # made, then read
        found = rows_of(Counting(labels=("a", "b")), CLIPS, tmp_path)
        expected = Counting(labels=("a", "b"))(CLIPS)
        assert found.probabilities is not None
        assert expected.probabilities is not None
        np.testing.assert_array_equal(found.embedding, expected.embedding)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    rows_of(Counting(), CLIPS[:1], tmp_path)
    (path,) = tmp_path.glob("counting-*/*.npy")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=path.name):
        rows_of(Counting(), CLIPS[:1], tmp_path)


def test_no_clips_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clips"):
        rows_of(Counting(), [], tmp_path)
