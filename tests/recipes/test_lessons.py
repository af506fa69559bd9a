"""Lessons: how clips are varied."""

from pathlib import Path

import numpy as np
import pytest

from recipes.lessons import main, varied
from scoresubnet.audio import SAMPLE_RATE as RATE


def test_variations_are_seconds_of_their_own_and_repeatable() -> None:
    time = np.arange(RATE) / RATE
    tone = (0.9 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    other = (0.9 * np.sin(2 * np.pi * 2_000 * time)).astype(np.float32)
    made = [varied(tone, other, np.random.default_rng(seed)) for seed in range(60)]
    again = varied(tone, other, np.random.default_rng(5))
    assert np.array_equal(made[5][0], again[0])
    assert made[5][1] == again[1]
    assert all(audio.shape == (RATE,) and audio.dtype == np.float32 for audio, _ in made)
    assert all(np.abs(audio).max() <= 1 for audio, _ in made)
    assert len({audio.tobytes() for audio, _ in made}) == 60
    parts = [whole for _, whole in made]
    assert 0.6 < np.mean(parts) < 0.95


def test_a_clip_with_another_end_is_not_whole() -> None:
    """Without noise, the start of a silent clip stays silent; what follows is of the other clip."""
    silence = np.zeros(RATE, np.float32)
    other = np.full(RATE, 0.5, np.float32)
    made = [varied(silence, other, np.random.default_rng(seed)) for seed in range(60)]
    cut = [audio for audio, whole in made if not whole]
    quiet = [audio for audio in cut if not audio[: RATE // 5].any()]
    assert len(quiet) >= 3
    assert all(np.abs(audio[4 * RATE // 5 :]).max() == 0.5 for audio in quiet)


def test_a_missing_teacher_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), "--teacher", str(tmp_path), "--out", str(tmp_path / "out")])
    assert "no encoder_model.ort there" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
