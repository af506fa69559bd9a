"""Bad recordings are told early, in words."""

from pathlib import Path

import numpy as np
import pytest

from scoresubnet.adaptation.checks import checked
from scoresubnet.data.recordings import Recording


def _recordings(word: str, seeds: range, speaker: str | None = None) -> list[Recording]:
    return [
        Recording(
            Path(f"{word}/{k}.wav"),
            word,
            speaker,
            np.random.default_rng(k).standard_normal(16_000).astype(np.float32),
        )
        for k in seeds
    ]


def test_good_recordings_are_told_nothing() -> None:
    given = [*_recordings("a", range(5)), *_recordings("b", range(5, 10))]
    assert checked(given) == (given, [])


def test_repeats_count_once() -> None:
    given = [*_recordings("a", range(6)), *_recordings("a", range(2))]
    found, told = checked(given)
    assert found == given[:6]
    assert told == ["2 of the recordings repeat others, and count once"]
    with pytest.raises(ValueError, match=r"there are 4 different recordings of 'a'; record 5"):
        checked([*_recordings("a", range(4)), *_recordings("a", range(4))])


def test_two_words_that_are_one() -> None:
    given = [*_recordings("a", range(6)), *_recordings("b", range(5, 10))]
    with pytest.raises(ValueError, match=r"^a/5.wav and b/5.wav are the same sound; are 'a' and"):
        checked(given)


def test_one_speaker_is_told() -> None:
    given = [*_recordings("a", range(5), "x"), *_recordings("b", range(5, 10), "x")]
    assert checked(given)[1][0].startswith("all recordings are of one speaker")
    given = [*_recordings("a", range(5), "x"), *_recordings("b", range(5, 10), "y")]
    assert checked(given)[1] == []
