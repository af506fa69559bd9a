"""Distances of log-Mels over small moves in time."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.cache import read_clip
from scoresubnet.data.clips import speaker_of
from scoresubnet.expansion.nearest import SHIFT, copy_limits, log_mel_distances


def _random(count: int, frames: int = 20) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 4, frames)).astype(np.float32)


def test_against_the_definition() -> None:
    queries, points = _random(3), _random(5)
    found = log_mel_distances(queries, points)
    assert found.shape == (3, 5)
    for i, q in enumerate(queries.astype(np.float64)):
        for j, p in enumerate(points.astype(np.float64)):
            each = [np.sqrt(((q - p) ** 2).mean())]
            for k in range(1, SHIFT + 1):
                each.append(np.sqrt(((q[:, k:] - p[:, :-k]) ** 2).mean()))
                each.append(np.sqrt(((q[:, :-k] - p[:, k:]) ** 2).mean()))
            assert found[i, j] == pytest.approx(min(each), rel=1e-9)


def test_a_moved_copy_is_at_zero_up_to_five_frames() -> None:
    long = _random(1, 40)[0]
    query = long[:, 10:30]
    for move in range(-7, 8):
        point = long[:, 10 + move : 30 + move]
        distance = log_mel_distances(query[None], point[None]).item()
        assert (distance < 1e-6) == (abs(move) <= SHIFT)


def _words(counts: Mapping[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random clips, whose distances are much alike."""
    return {word: rng.normal(size=(count, 4, 20)) for word, count in counts.items()}


def test_the_limit_is_a_quantile_of_log_distances() -> None:
    """Of the nearest of three, with the spread of both words and four degrees of freedom."""
    values = {"a": np.array([0.0, 1.0, 3.0]), "b": np.array([0.0, 2.0, 10.0])}
    words = {word: np.ones((3, 1, 20)) * own[:, None, None] for word, own in values.items()}
    logs = {"a": np.log([1, 2, 3]), "b": np.log([2, 8, 10])}
    spread = np.sqrt(sum(each.var() * 3 for each in logs.values()) / 4)
    student = scipy.stats.t(4).ppf(1 - 0.95 ** (1 / 3))
    for word, limit in copy_limits(words).items():
        assert limit == pytest.approx(np.exp(logs[word].mean() + spread * student))


def test_about_one_real_clip_in_twenty_counts_as_a_copy(recordings: Path) -> None:
    """Of other speakers; a quantile of the nearest distances of five would make it one in three."""
    words = {}
    for word in ("bed", "cat", "go", "up"):
        clips = sorted((recordings / "speech_commands" / word).iterdir())
        one = {speaker_of(path.stem): path for path in clips}
        audio = np.stack([read_clip(path, MelSettings()) for path in list(one.values())[:90]])
        words[word] = LogMel(MelSettings())(audio)[:, 0]
    rng, shares = np.random.default_rng(0), []
    for _ in range(5):
        chosen = {word: rng.permutation(90) for word in words}
        limits = copy_limits({word: words[word][chosen[word][:5]] for word in words})
        for word, own in words.items():
            others, few = own[chosen[word][5:]], own[chosen[word][:5]]
            nearest = log_mel_distances(others, few).min(1)
            shares.append((nearest < limits[word]).mean())
    assert 0.02 < np.mean(shares) < 0.15


def test_a_stricter_share_is_nearer_and_a_wider_word_is_farther() -> None:
    words = _words({"a": 6, "b": 6}, np.random.default_rng(1))
    words["b"] = 3 * words["a"]
    limits, strict = copy_limits(words), copy_limits(words, share=0.01)
    assert limits["b"] == pytest.approx(3 * limits["a"])
    assert 0 < strict["a"] < limits["a"]


def test_too_few_recordings_tell_nothing() -> None:
    """Two borrow the spread of other words; one has no distance, and repeats have none."""
    words = _words({"one": 1, "two": 2}, np.random.default_rng(2))
    assert copy_limits(words) == {"one": 0, "two": 0}
    more = copy_limits(words | _words({"many": 9}, np.random.default_rng(3)))
    assert more["one"] == 0
    assert more["two"] > 0
    assert more["many"] > 0
    saved_again = words | {"many": _words({"many": 9}, np.random.default_rng(3))["many"]}
    saved_again["many"] = np.concatenate([saved_again["many"], saved_again["many"][:2] + 1e-4])
    assert copy_limits(saved_again) == pytest.approx(more)
    repeated = {"one": words["one"], "again": np.repeat(words["two"][:1], 4, axis=0)}
    assert copy_limits(repeated) == {"one": 0, "again": 0}
