from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation.clips import ClipFile, ClipSet
from scoresubnet.evaluation.systems import (
    NOISE_LEVEL,
    noise_clips,
    reference_rows,
    through_vocoder,
)
from scoresubnet.vocoders import GriffinLim


def clips(labels: list[str | None]) -> ClipSet:
    sound = noise_clips(len(labels), seed=9)
    return ClipSet(sound, [ClipFile(Path(f"{k}.wav"), a) for k, a in enumerate(labels)], [])


def test_noise_is_its_seeds() -> None:
    first, second = noise_clips(2, seed=0)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(noise_clips(1, seed=0)[0], first)
    assert first.std() == pytest.approx(NOISE_LEVEL, rel=0.03)
    assert not np.array_equal(noise_clips(1, seed=1)[0], first)


def test_the_rows(tmp_path: Path) -> None:
    found = reference_rows(
        generated=clips([None] * 5),
        real=clips(["b", "a", "b", "a"]),
        reference=clips(["a", "b", "a"]),
        training=clips([]),
        vocoder=GriffinLim(iterations=0),
        cache_dir=tmp_path,
        seed=0,
        progress=False,
    )
    assert list(found.rows) == ["generated", "real", "vocoded", "noise", "silence"]
    assert found.rows["generated"].labels is None
    assert found.rows["vocoded"].labels == ("b", "a", "b", "a")
    assert found.rows["noise"].labels == ("a", "b", "a", "b")
    assert len(found.rows["silence"].clips) == 4
    assert not np.any(found.rows["silence"].clips)
    assert found.equal == 3


def test_vocoded_clips_are_kept_by_vocoder_and_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip,) = noise_clips(1, seed=0)
    one = through_vocoder([clip], GriffinLim(iterations=0), tmp_path, progress=False)
    other = through_vocoder([clip], GriffinLim(iterations=3), tmp_path, progress=False)
    assert one[0].shape == (16_000,)
    assert not np.array_equal(one[0], other[0])
    monkeypatch.setattr(GriffinLim, "forward", None)
    again = through_vocoder([clip], GriffinLim(iterations=0), tmp_path, progress=False)
    np.testing.assert_array_equal(again[0], one[0])


def test_a_vocoder_of_another_rate_is_refused(tmp_path: Path) -> None:
    settings = MelSettings(sample_rate=8_000, f_max=4_000, frames=33)
    with pytest.raises(ValueError, match="8000 Hz"):
        through_vocoder(noise_clips(1, 0), GriffinLim(settings), tmp_path)
