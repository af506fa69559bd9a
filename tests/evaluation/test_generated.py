"""Clips of different labels and numbers have noise of their own."""

from __future__ import annotations

import hashlib

import numpy as np

from scoresubnet.data.words import WORD_SETS
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.samplers import seeded_noise


def test_every_label_and_number_has_a_seed_of_its_own() -> None:
    words = WORD_SETS["WORDS18"]
    seeds = {clip_seed(0, word, k) for word in words for k in range(100)}
    assert len(seeds) == 1800
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert clip_seed(0, "up", 3) == clip_seed(0, "up", 3) != clip_seed(1, "up", 3)
    assert clip_seed(0, "up", 3) == int(hashlib.sha256(b'[0, "up", 3]').hexdigest()[:8], 16)


def test_clips_of_the_same_number_share_no_noise() -> None:
    seeds = [clip_seed(0, word, 0) for word in WORD_SETS["WORDS18"]]
    noise = seeded_noise(seeds, (1, 80, 64), "cpu")().flatten(1).numpy()
    correlation = np.corrcoef(noise) - np.eye(len(noise))
    assert np.abs(correlation).max() < 5 / 5120**0.5
