import numpy as np
import torch

from scoresubnet.audio.io import read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data import cache
from scoresubnet.data.features import build_features
from scoresubnet.data.sources.fsdd import find_fsdd

WORDS = ("no", "yes")


def build(clips, folder, **options):
    return build_features(clips, WORDS, folder, progress=False, **options)


def test_features_of_all_kinds_of_files(clips, tmp_path):
    result = build(clips, tmp_path / "cache")
    assert result.x.shape == (3, 80, 64)
    assert result.x.dtype == np.float16
    assert isinstance(result.x, np.memmap)
    assert result.words == WORDS
    assert result.labels.tolist() == [1, 0, 1]
    expected = LogMel()(torch.from_numpy(read_audio(clips[0].path)))[0, 0]
    np.testing.assert_allclose(result.x[0], expected, atol=1e-3)
    # b is centred in zeros: the outer frames are silent, the middle is not.
    assert (result.x[1][:, [0, 63]] == -1).all()
    assert result.x[1][:, 32].max() > 0
    assert (result.x[2].max(axis=0) > 0).all()


def test_batches_change_nothing(clips, tmp_path, monkeypatch):
    whole = build(clips, tmp_path / "cache")
    monkeypatch.setattr(cache, "_BATCH", 2)
    parts = build(clips, tmp_path / "other")
    np.testing.assert_allclose(parts.x, whole.x, atol=1e-3)


def test_cache_notices_the_settings(clips, tmp_path, read):
    first = build(clips, tmp_path / "cache")
    read.clear()
    other = build(clips, tmp_path / "cache", settings=MelSettings(log_max=3.0))
    assert len(read) == 3
    assert other.x[0].max() < first.x[0].max()
    assert build(clips, tmp_path / "cache").x[0].max() == first.x[0].max()
    assert len(read) == 3


def test_real_recordings(recordings, tmp_path):
    clips = find_fsdd(recordings / "fsdd", ["three", "seven"])[::10]
    result = build_features(clips, ("seven", "three"), tmp_path, progress=False)
    assert result.x.shape == (60, 80, 64)
    assert not result.skipped
    assert np.bincount(result.labels).tolist() == [30, 30]
    # 8 kHz recordings: nothing above 4 kHz but the resampler's transition band.
    assert result.x[:, 70:].astype(np.float32).mean() < -0.95 < result.x.astype(np.float32).mean()
