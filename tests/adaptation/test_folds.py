"""Folds: every recording in one, every word in all, speakers apart."""

from pathlib import Path

import numpy as np
import pytest

from scoresubnet.adaptation.folds import folds_of
from scoresubnet.data.recordings import Recording

SOUND = np.zeros(16_000, np.float32)


def _recordings(words: dict[str, int], speakers: int = 0) -> list[Recording]:
    """So many of each word; of so many speakers in turn, or of unknown ones."""
    return [
        Recording(Path(f"{word}{k}.wav"), word, f"s{k % speakers}" if speakers else None, SOUND)
        for word, count in words.items()
        for k in range(count)
    ]


@pytest.mark.parametrize("speakers", [0, 20])
def test_each_word_is_in_every_fold(speakers: int) -> None:
    recordings = _recordings({"a": 20, "b": 11, "c": 5}, speakers)
    folds = folds_of(recordings)
    assert set(folds.tolist()) == set(range(5))
    for word, count in {"a": 20, "b": 11, "c": 5}.items():
        own = np.bincount([f for r, f in zip(recordings, folds, strict=True) if r.word == word])
        assert own.sum() == count
        assert own.max() - own.min() <= (1 if not speakers else 2)


def test_a_speaker_is_in_one_fold() -> None:
    recordings = _recordings({"a": 20, "b": 20}, speakers=7)
    of: dict[str | None, set[int]] = {}
    for recording, fold in zip(recordings, folds_of(recordings), strict=True):
        of.setdefault(recording.speaker, set()).add(int(fold))
    assert all(len(folds) == 1 for folds in of.values())
    assert len(set.union(*of.values())) == 5


def test_few_speakers_are_not_kept_apart() -> None:
    folds = folds_of(_recordings({"a": 10, "b": 10}, speakers=2))
    assert set(folds.tolist()) == set(range(5))


def test_as_many_folds_as_the_rarest_word_has_recordings() -> None:
    assert set(folds_of(_recordings({"a": 20, "b": 3})).tolist()) == {0, 1, 2}
    with pytest.raises(ValueError, match="one recording of 'b' alone; record more"):
        folds_of(_recordings({"a": 20, "b": 1}))


def test_a_speaker_of_most_recordings_is_not_one_fold() -> None:
    """Nor are words of two speakers each: every fold has all words, and about a fifth."""
    uneven = [
        Recording(Path(f"{word}-{speaker}-{k}.wav"), word, speaker, SOUND)
        for word in "ab"
        for speaker, count in {"main": 40, "x": 2, "y": 2, "z": 2, "w": 2}.items()
        for k in range(count)
    ]
    pairs = [
        Recording(Path(f"{word}{k}.wav"), word, f"{word}{k % 2}", SOUND)
        for word in "abc"
        for k in range(20)
    ]
    for recordings in (uneven, pairs):
        folds = folds_of(recordings)
        words = np.array([recording.word for recording in recordings])
        for number in range(5):
            assert set(words[folds == number]) == set(words)
            assert (folds == number).sum() < 2 * len(words) / 5


def test_words_that_one_speaker_alone_says_are_in_every_fold_as_well() -> None:
    """A fold of one speaker would leave his word with nothing to learn from."""
    recordings = [
        Recording(Path(f"{word}{k}.wav"), word, f"speaker of {word}", SOUND)
        for word in "abcde"
        for k in range(8)
    ]
    folds = folds_of(recordings)
    for number in range(5):
        rest = {r.word for r, fold in zip(recordings, folds, strict=True) if fold != number}
        assert rest == set("abcde")
