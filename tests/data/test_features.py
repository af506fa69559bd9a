import logging
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from scoresubnet.audio.io import read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data import features
from scoresubnet.data.clips import Clip
from scoresubnet.data.features import build_features
from scoresubnet.data.fsdd import find_fsdd

WORDS = ("no", "yes")


def tone(samples: int = 16_000, rate: int = 16_000, pitch: float = 300.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * pitch * np.arange(samples) / rate)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Three usable clips: one plain, one short stereo of another rate, one of three seconds."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "a.wav", tone(), 16_000)
    soundfile.write(folder / "b.flac", np.stack([tone(4000, 8000)] * 2, axis=1), 8_000)
    soundfile.write(folder / "c.wav", tone(48_000), 16_000)
    return [
        Clip(folder / "a.wav", "yes", "training", "folder"),
        Clip(folder / "b.flac", "no", "validation", "folder"),
        Clip(folder / "c.wav", "yes", "training", "folder"),
    ]


@pytest.fixture
def read(monkeypatch) -> list[Path]:
    """The files that are read, as they are read."""
    paths: list[Path] = []

    def recorded(path, sample_rate):
        paths.append(path)
        return read_audio(path, sample_rate)

    monkeypatch.setattr(features, "read_audio", recorded)
    return paths


def build(clips, cache, **options):
    return build_features(clips, WORDS, cache, progress=False, **options)


def test_features_of_all_kinds_of_files(clips, tmp_path):
    result = build(clips, tmp_path / "cache")
    assert result.x.shape == (3, 80, 64)
    assert result.x.dtype == np.float16
    assert isinstance(result.x, np.memmap)
    assert not result.x.flags.writeable
    assert result.labels.tolist() == [1, 0, 1]
    assert result.labels.dtype == np.int64
    assert result.words == WORDS
    assert result.sources.tolist() == ["folder"] * 3
    assert result.clips == [clip.path for clip in clips]
    assert result.skipped == []
    expected = LogMel()(torch.from_numpy(read_audio(clips[0].path)))[0, 0]
    np.testing.assert_allclose(result.x[0], expected, atol=1e-3)
    # b is centred in zeros: the outer frames are silent, the middle is not.
    assert (result.x[1][:, [0, 63]] == -1).all()
    assert result.x[1][:, 32].max() > 0
    assert (result.x[2].max(axis=0) > 0).all()


def test_subsets(clips, tmp_path):
    result = build(clips, tmp_path / "cache")
    assert result.subset("training").tolist() == [0, 2]
    assert result.subset("validation").tolist() == [1]
    assert result.subset("testing").tolist() == []
    with pytest.raises(ValueError, match=r"'train' \(nearest: training"):
        result.subset("train")


def test_batches_and_gaps_keep_the_order(clips, tmp_path, monkeypatch):
    whole = build(clips, tmp_path / "cache")
    absent = Clip(tmp_path / "absent.wav", "no", "training", "folder")
    monkeypatch.setattr(features, "_BATCH", 2)
    parts = build([clips[0], absent, absent, absent, *clips[1:]], tmp_path / "other")
    assert parts.labels.tolist() == whole.labels.tolist()
    np.testing.assert_allclose(parts.x, whole.x, atol=1e-3)


def test_unusable_files_are_skipped_counted_and_named(clips, tmp_path, caplog):
    folder = clips[0].path.parent
    (folder / "broken.wav").write_bytes(b"RIFF, but no sound")
    soundfile.write(folder / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(folder / "silent.wav", np.zeros(16_000), 16_000)
    soundfile.write(folder / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    bad = ["broken.wav", "empty.wav", "silent.wav", "nan.wav", "absent.wav"]
    mixed = [Clip(folder / name, "no", "training", "folder") for name in bad]
    mixed[2:2] = clips
    with caplog.at_level(logging.WARNING):
        result = build(mixed, tmp_path / "cache")
    assert len(result.x) == 3
    assert result.clips == [clip.path for clip in clips]
    assert result.labels.tolist() == [1, 0, 1]
    assert [path.name for path, _ in result.skipped] == bad
    reasons = " ".join(reason for _, reason in result.skipped)
    for word in ("not a readable", "empty", "silent", "NaN", "no such file"):
        assert word in reasons
    (record,) = caplog.records
    assert "Skipped 5 of 8 clips" in record.getMessage()
    assert all(str(folder / name) in record.getMessage() for name in bad)
    assert build(mixed, tmp_path / "cache").skipped == result.skipped


def test_cache_is_reused(clips, tmp_path, read):
    first = build(clips, tmp_path / "cache")
    assert len(read) == 3
    again = build(clips, tmp_path / "cache")
    assert len(read) == 3
    np.testing.assert_array_equal(again.x, first.x)
    assert again.splits.tolist() == first.splits.tolist()
    assert len(os.listdir(tmp_path / "cache")) == 1


def test_cache_notices_every_change(clips, tmp_path, read):
    def rebuilt(clips=clips, words=WORDS, **options) -> bool:
        read.clear()
        build_features(clips, words, tmp_path / "cache", progress=False, **options)
        return bool(read)

    assert rebuilt()
    assert not rebuilt()
    assert rebuilt(words=WORDS[::-1])
    assert rebuilt(settings=MelSettings(log_max=3.0))
    assert rebuilt(clips=clips[:2])
    assert rebuilt(clips=[*clips[:2], Clip(clips[2].path, "no", "training", "folder")])
    assert rebuilt(clips=[*clips[:2], Clip(clips[2].path, "yes", "testing", "folder")])
    assert rebuilt(clips=[*clips[:2], Clip(clips[2].path, "yes", "training", "fsdd")])
    status = clips[0].path.stat()
    os.utime(clips[0].path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert rebuilt()
    soundfile.write(clips[0].path, tone(12_000), 16_000)
    os.utime(clips[0].path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert rebuilt()
    assert not rebuilt()


def test_failure_leaves_no_half_cache(clips, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(features, "fit_length", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(clips, tmp_path / "cache")
    assert not os.listdir(tmp_path / "cache")


def test_another_process_that_was_faster_is_no_error(clips, tmp_path, monkeypatch):
    rename = Path.rename

    def late(self, target):
        theirs = Path(f"{self}-other")
        theirs.mkdir()
        for file in self.iterdir():
            (theirs / file.name).write_bytes(file.read_bytes())
        rename(theirs, target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert len(build(clips, tmp_path / "cache").x) == 3
    assert len(os.listdir(tmp_path / "cache")) == 1


def test_damaged_cache_is_named(clips, tmp_path):
    build(clips, tmp_path / "cache")
    (file,) = tmp_path.glob("cache/*/x.npy")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"{file.parent.name}: damaged.*delete that folder"):
        build(clips, tmp_path / "cache")


def test_unusable_requests_are_refused(clips, tmp_path):
    with pytest.raises(ValueError, match="No clips"):
        build([], tmp_path / "cache")
    with pytest.raises(ValueError, match="Clips of 'yes'"):
        build_features(clips, ("no",), tmp_path / "cache")
    with pytest.raises(ValueError, match=r"None of the 1 clips is usable.*absent"):
        build([Clip(tmp_path / "absent.wav", "no", "training", "folder")], tmp_path / "cache")


def test_real_recordings(recordings, tmp_path):
    clips = find_fsdd(recordings / "fsdd", ["three", "seven"])[::10]
    result = build_features(clips, ("seven", "three"), tmp_path, progress=False)
    assert result.x.shape == (60, 80, 64)
    assert not result.skipped
    assert np.bincount(result.labels).tolist() == [30, 30]
    # 8 kHz recordings: nothing above 4 kHz but the resampler's transition band.
    assert result.x[:, 70:].astype(np.float32).mean() < -0.95 < result.x.astype(np.float32).mean()
