"""What is laid around a clip: by its seed, and within full scale."""

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scoresubnet.expansion.surroundings import SNR, Surroundings

AUDIO = (0.3 * np.sin(np.arange(16_000) / 10)).astype(np.float32)


@pytest.fixture
def noise(tmp_path: Path) -> str:
    sound = np.random.default_rng(0).standard_normal(48_000)
    soundfile.write(tmp_path / "noise.wav", 0.1 * sound, 16_000)
    return str(tmp_path)


def test_nothing_is_changed_unasked() -> None:
    assert Surroundings()(AUDIO, 16_000, 3) is AUDIO


def test_noise_lies_so_far_below_the_word(noise: str) -> None:
    change = Surroundings(noise=noise)
    for seed in range(5):
        added = change(AUDIO, 16_000, seed).astype(np.float64) - AUDIO
        ratio = 20 * np.log10(np.sqrt((AUDIO**2).mean()) / np.sqrt((added**2).mean()))
        assert SNR[0] - 0.1 <= ratio <= SNR[1] + 0.1


def test_a_room_prolongs_a_click() -> None:
    click = np.zeros(16_000, np.float32)
    click[1000] = 0.9
    heard = Surroundings(room=True)(click, 16_000, 0)
    assert len(heard) == 16_000
    assert (np.abs(heard) > 1e-4).sum() > 50


def test_level_moves_both_ways_within_full_scale() -> None:
    change = Surroundings(level=20)
    peaks = [float(np.abs(change(AUDIO, 16_000, seed)).max()) for seed in range(20)]
    assert min(peaks) < 0.15
    assert max(peaks) == pytest.approx(1)


def test_the_same_seed_gives_the_same_sound(noise: str) -> None:
    change = Surroundings(noise=noise, room=True, level=6)
    random.seed(5)
    before = random.getstate()
    first, other, again = (change(AUDIO, 16_000, seed) for seed in (1, 2, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert random.getstate() == before


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"level -1 dB; it lies in 0 to 40"):
        Surroundings(level=-1)
    with pytest.raises(ValueError, match="no such folder; name one of recordings"):
        Surroundings(noise=str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="no recordings of noise here"):
        Surroundings(noise=str(tmp_path))
