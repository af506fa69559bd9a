"""Embeddings are kept by the samples of their clips, and made once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.judges import base as module
from scoresubnet.evaluation.judges.base import Embedded, embedded, row_by_row

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


def test_a_clip_is_embedded_once_whatever_set_it_is_in(tmp_path: Path) -> None:
    embedder = Counting()
    first = embedded(embedder, CLIPS[:5], tmp_path, progress=False)
    np.testing.assert_array_equal(first.embedding, embedder(CLIPS[:5]).embedding)
    embedder.seen.clear()
    mixed = [CLIPS[k].copy() for k in (4, 7, 0, 7)]
    second = embedded(embedder, mixed, tmp_path, progress=False)
    assert embedder.seen == [1]
    np.testing.assert_array_equal(second.embedding, embedder(mixed).embedding)
    assert second.probabilities is None


def test_settings_and_samples_make_a_row_another(tmp_path: Path) -> None:
    embedded(Counting(), CLIPS[:2], tmp_path, progress=False)
    newer = Counting("2")
    embedded(newer, CLIPS[:2], tmp_path, progress=False)
    assert newer.seen == [2]
    again = Counting()
    other = [CLIPS[0], np.append(CLIPS[1], np.float32(0))]  # one zero longer
    assert embedded(again, other, tmp_path, progress=False).embedding[1, 1] == 4
    assert again.seen == [1]
    texts = {path.read_text() for path in tmp_path.glob("counting-*/settings.json")}
    assert {'"version": "1"' in text for text in texts} == {True, False}


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "PART", 3)
    broken = Counting()
    broken.fails_at = 3
    with pytest.raises(KeyboardInterrupt):
        embedded(broken, CLIPS, tmp_path, progress=False)
    fresh = Counting()
    rows = embedded(fresh, CLIPS, tmp_path, progress=False)
    assert fresh.seen == [2]
    np.testing.assert_array_equal(rows.embedding, Counting()(CLIPS).embedding)
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith("tmp")]


def test_the_probabilities_of_a_classifier_come_back_too(tmp_path: Path) -> None:
    for _ in range(2):  # made, then read
        found = embedded(Counting(labels=("a", "b")), CLIPS, tmp_path, progress=False)
        expected = Counting(labels=("a", "b"))(CLIPS)
        np.testing.assert_array_equal(found.embedding, expected.embedding)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    embedded(Counting(), CLIPS[:1], tmp_path, progress=False)
    (path,) = tmp_path.glob("counting-*/*.npy")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=path.name):
        embedded(Counting(), CLIPS[:1], tmp_path, progress=False)


def test_no_clips_and_unusable_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clips"):
        embedded(Counting(), [], tmp_path)

    def row(clip: Audio) -> np.ndarray:
        return clip[:1].astype(np.float64)

    with pytest.raises(ValueError, match="no clips"):
        row_by_row(row, [], False, "")
    for bad in (np.zeros(0), np.array([np.nan]), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="finite samples"):
            row_by_row(row, [CLIPS[0], bad], False, "")
    assert row_by_row(row, CLIPS[:2], False, "").shape == (2, 1)
