from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation.cache import Cache
from scoresubnet.evaluation.clips import ClipFile, ClipSet
from scoresubnet.evaluation.systems import (
    NOISE_LEVEL,
    RealClips,
    System,
    Systems,
    noise_clips,
    rows_of,
    through_vocoder,
)
from scoresubnet.jobs.parts import Part
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


def quiet(folder: Path) -> Cache:
    return Cache(folder, progress=False)


def test_the_rows(tmp_path: Path) -> None:
    found = rows_of(
        {"mine": clips([None] * 5), "yours": clips(["a"] * 3)},
        RealClips(row=clips(["b", "a", "b", "a"]), reference=clips(["a", "b", "a"])),
        GriffinLim(iterations=0),
        quiet(tmp_path),
        seed=0,
    )
    assert list(found.rows) == ["mine", "yours", "real", "vocoded", "noise", "silence"]
    assert found.evaluated == ("mine", "yours")
    assert found.pairs == [("mine", "yours")]
    assert found.rows["mine"].labels is None
    assert found.rows["vocoded"].labels == ("b", "a", "b", "a")
    assert found.rows["noise"].labels == ("a", "b", "a", "b")
    assert len(found.rows["silence"].clips) == 4
    assert not np.any(found.rows["silence"].clips)
    assert found.equal == 3


def test_parts_share_the_clips_of_a_row() -> None:
    """Where there are too few for every part, a part has all: judges need some."""
    row = System("real", noise_clips(5, 0), tuple("abcde"), tuple("vwxyz"))
    parts = [row.share(Part(k, 3)) for k in (1, 2, 3)]
    assert [part.labels for part in parts] == [("a", "d"), ("b", "e"), ("c",)]
    assert [part.names for part in parts] == [("v", "y"), ("w", "z"), ("x",)]
    np.testing.assert_array_equal(parts[1].clips[1], row.clips[4])
    assert row.share(Part(7, 8)).labels == row.labels
    assert System("noise", noise_clips(2, 0), None, None).share(Part(2, 2)).labels is None


def test_common_clips_are_told_by_label_and_number() -> None:
    sound = noise_clips(3, 0)
    rows = {
        "a": System("a", sound, None, ("up/0", "up/1", "go/0")),
        "b": System("b", sound, None, ("go/0", "up/2", "up/0")),
        "c": System("c", sound, None, ("x", "y", "z")),
    }
    systems = Systems(rows, ("a", "b", "c"), rows["a"])
    assert systems.common("a", "b") == ([0, 2], [2, 0])
    assert systems.common("a", "c") is None
    assert systems.pairs == [("a", "b"), ("a", "c")]


def test_vocoded_clips_are_kept_by_vocoder_and_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip,) = noise_clips(1, seed=0)
    one = through_vocoder([clip], GriffinLim(iterations=0), quiet(tmp_path))
    other = through_vocoder([clip], GriffinLim(iterations=3), quiet(tmp_path))
    assert one[0].shape == (16_000,)
    assert one[0].dtype == np.float32
    assert not np.array_equal(one[0], other[0])
    monkeypatch.setattr(GriffinLim, "__call__", None)
    again = through_vocoder([clip], GriffinLim(iterations=0), quiet(tmp_path))
    np.testing.assert_array_equal(again[0], one[0])


def test_a_vocoder_of_another_rate_is_refused(tmp_path: Path) -> None:
    settings = MelSettings(sample_rate=8_000, f_max=4_000, frames=33)
    with pytest.raises(ValueError, match="8000 Hz"):
        through_vocoder(noise_clips(1, 0), GriffinLim(settings), quiet(tmp_path))
