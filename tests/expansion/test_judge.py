"""The judge of recordings hears words that it knows from others."""

import numpy as np
import pytest

from scoresubnet.audio.io import Audio
from scoresubnet.expansion.judge import RecordingsJudge


def _clips(pitch: float, count: int, seed: int) -> list[Audio]:
    """Tones that rise from a pitch, in noise."""
    random, time = np.random.default_rng(seed), np.arange(16_000) / 16_000
    rising = [
        2 * np.pi * pitch * (1 + 0.1 * random.random()) * time * (1 + time) for _ in range(count)
    ]
    noise = 0.01 * random.standard_normal((count, 16_000))
    return list((0.3 * np.sin(rising) + noise).astype(np.float32))


def test_words_are_told_apart() -> None:
    clips = [*_clips(200, 6, 0), *_clips(900, 5, 1)]
    judge = RecordingsJudge(clips, ["low"] * 6 + ["high"] * 5)
    assert judge.words == ("high", "low")
    assert judge.right == 1
    low = judge(_clips(200, 3, 2))
    assert low.shape == (3, 2)
    np.testing.assert_allclose(low.sum(1), 1)
    assert (low[:, 1] > 0.5).all()
    assert (judge(_clips(900, 3, 3))[:, 1] < 0.5).all()


def test_labels_that_mean_nothing_are_not_heard() -> None:
    """What it says of recordings that it was not fitted to is no better than chance."""
    judge = RecordingsJudge(_clips(200, 12, 0), ["a", "b"] * 6)
    assert judge.right is not None
    assert judge.right < 0.9


def test_a_single_recording_of_a_word_leaves_nothing_to_be_tested_on() -> None:
    clips = [*_clips(200, 3, 0), *_clips(900, 1, 1)]
    judge = RecordingsJudge(clips, ["low"] * 3 + ["high"])
    assert judge.right is None
    assert judge(clips).argmax(1).tolist() == [1, 1, 1, 0]


def test_one_word_alone() -> None:
    with pytest.raises(ValueError, match=r"there is 'low' alone; .*--judge classifier"):
        RecordingsJudge(_clips(200, 3, 0), ["low"] * 3)
