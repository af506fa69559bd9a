import json
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data import cache
from scoresubnet.data.cache import CachedClips, Recipe, cached
from scoresubnet.data.clips import Clip

WORDS = ("no", "yes")


def bounds(audio: np.ndarray) -> np.ndarray:
    """The least and the greatest sample of each clip: (B, 2)."""
    return np.stack([audio.min(axis=1), audio.max(axis=1)], axis=1)


BOUNDS = Recipe("bounds", "bounds.npy", "min, max", MelSettings(), (2,), np.float64, bounds)


def build(clips, folder, words=WORDS, recipe=BOUNDS):
    return cached(CachedClips, recipe, clips, words, folder, progress=False)


def test_a_row_for_each_clip(clips, tmp_path):
    result = build(clips, tmp_path / "cache")
    np.testing.assert_allclose(result.values, [[-0.3, 0.3]] * 3, atol=0.02)
    assert result.values.dtype == np.float64
    assert isinstance(result.values, np.memmap)
    assert not result.values.flags.writeable
    assert result.labels.tolist() == [1, 0, 1]
    assert result.labels.dtype == np.int64
    assert result.words == WORDS
    assert result.sources.tolist() == ["folder"] * 3
    assert result.clips == clips
    assert result.skipped == []


def test_clips_are_transformed_at_the_asked_rate_and_length(clips, tmp_path):
    """Short ones in the middle of zeros, long ones cropped."""
    seen: list[np.ndarray] = []

    def record(audio: np.ndarray) -> np.ndarray:
        seen.append(audio)
        return bounds(audio)

    settings = MelSettings(sample_rate=8_000, f_max=4_000.0)
    build(clips, tmp_path / "cache", recipe=replace(BOUNDS, settings=settings, transform=record))
    (audio,) = seen
    assert audio.shape == (3, 8_000)
    assert audio.dtype == np.float32
    loud = [np.flatnonzero(np.abs(clip) > 0.01) for clip in audio]
    assert [rows[0] < 10 for rows in loud] == [True, False, True]
    assert loud[1][[0, -1]] == pytest.approx([2_000, 5_999], abs=10)


def test_subsets(clips, tmp_path):
    result = build(clips, tmp_path / "cache")
    assert result.subset("training").tolist() == [0, 2]
    assert result.subset("validation").tolist() == [1]
    assert result.subset("testing").tolist() == []
    with pytest.raises(ValueError, match=r"unknown split 'train'; .*: training, "):
        result.subset("train")


def test_batches_and_gaps_keep_the_order(clips, tmp_path, monkeypatch, tone):
    for n, clip in enumerate(clips):
        soundfile.write(clip.path, (n + 1) * tone(), 16_000)
    absent = Clip(tmp_path / "absent.wav", "no", "training", "folder")
    monkeypatch.setattr(cache, "_BATCH", 2)
    result = build([clips[0], absent, absent, absent, *clips[1:]], tmp_path / "cache")
    assert result.clips == clips
    assert result.labels.tolist() == [1, 0, 1]
    np.testing.assert_allclose(result.values[:, 1], [0.3, 0.6, 0.9], atol=1e-3)


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
    assert len(result.values) == 3
    assert result.clips == clips
    assert result.labels.tolist() == [1, 0, 1]
    assert [path for path, _ in result.skipped] == [folder / name for name in bad]
    reasons = " ".join(reason for _, reason in result.skipped)
    for word in ("not a readable", "empty", "silent", "NaN", "no such file"):
        assert word in reasons
    (record,) = caplog.records
    assert "skipped 5 of 8 clips" in record.getMessage()
    assert all(str(folder / name) in record.getMessage() for name in bad)
    again = build(mixed, tmp_path / "cache")
    assert again.skipped == result.skipped
    assert again.clips == clips


def test_cache_is_reused(clips, tmp_path, read):
    first = build(clips, tmp_path / "cache")
    assert len(read) == 3
    again = build(clips, tmp_path / "cache")
    assert len(read) == 3
    np.testing.assert_array_equal(again.values, first.values)
    assert again.labels.tolist() == first.labels.tolist() == [1, 0, 1]
    assert again.splits.tolist() == first.splits.tolist() == ["training", "validation", "training"]
    assert again.sources.tolist() == first.sources.tolist() == ["folder"] * 3
    (folder,) = (tmp_path / "cache").iterdir()
    assert sorted(os.listdir(folder)) == ["bounds.npy", "index.json"]


def test_cache_notices_every_change(clips, tmp_path, read, tone):
    def rebuilt(clips=clips, **options) -> bool:
        read.clear()
        build(clips, tmp_path / "cache", **options)
        return bool(read)

    assert rebuilt()
    assert not rebuilt()
    assert rebuilt(words=WORDS[::-1])
    assert rebuilt(recipe=replace(BOUNDS, stamp="another"))
    assert rebuilt(clips=clips[:2])
    assert rebuilt(clips=[*clips[:2], replace(clips[2], label="no")])
    assert rebuilt(clips=[*clips[:2], replace(clips[2], split="testing")])
    assert rebuilt(clips=[*clips[:2], replace(clips[2], source="fsdd")])
    status = clips[0].path.stat()
    os.utime(clips[0].path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert rebuilt()
    soundfile.write(clips[0].path, tone(12_000), 16_000)
    os.utime(clips[0].path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert rebuilt()
    assert not rebuilt()


def test_weights_are_of_the_call_and_not_of_the_cache(clips, tmp_path, read):
    build(clips, tmp_path / "cache")
    read.clear()
    weighted = [replace(clip, weight=n + 0.5) for n, clip in enumerate(clips)]
    assert [c.weight for c in build(weighted, tmp_path / "cache").clips] == [0.5, 1.5, 2.5]
    assert not read


def test_the_same_files_by_another_path(clips, tmp_path, read, monkeypatch):
    """A relative and an absolute path to a file are one key, from wherever it was built."""
    absent = Clip(tmp_path / "absent.wav", "no", "training", "folder")
    monkeypatch.chdir(tmp_path)
    relative = [replace(c, path=c.path.relative_to(tmp_path)) for c in [absent, *clips]]
    build(relative, tmp_path / "cache")
    read.clear()
    monkeypatch.chdir("/")
    result = build([absent, *clips], tmp_path / "cache")
    assert not read
    assert result.clips == clips
    assert [path for path, _ in result.skipped] == [absent.path]


def test_a_clip_of_two_sources_has_two_rows(clips, tmp_path):
    twice = [clips[0], replace(clips[0], weight=3.0)]
    result = build(twice, tmp_path / "cache")
    assert len(result.values) == 2
    assert [clip.weight for clip in result.clips] == [1.0, 3.0]


@pytest.mark.parametrize("where", ["read", "transform"])
def test_failure_leaves_no_half_cache(clips, tmp_path, monkeypatch, where):
    def interrupted(*_):
        raise KeyboardInterrupt

    if where == "read":
        monkeypatch.setattr(cache, "fit_length", interrupted)
    recipe = BOUNDS if where == "read" else replace(BOUNDS, transform=interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(clips, tmp_path / "cache", recipe=recipe)
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
    assert len(build(clips, tmp_path / "cache").values) == 3
    assert len(os.listdir(tmp_path / "cache")) == 1


def test_damaged_cache_is_named(clips, tmp_path):
    build(clips, tmp_path / "cache")
    (file,) = tmp_path.glob("cache/*/bounds.npy")
    whole = file.read_bytes()
    for damage in (whole[:100], whole[:-16]):
        file.write_bytes(damage)
        with pytest.raises(ValueError, match=f"{file.parent.name}: damaged.*delete that folder"):
            build(clips, tmp_path / "cache")


def test_rows_that_are_not_those_of_the_clips_are_refused(clips, tmp_path):
    """Else every clip after a lost one would have the row of its neighbour."""
    build(clips, tmp_path / "cache")
    (file,) = tmp_path.glob("cache/*/index.json")
    file.write_text(json.dumps({"skipped": [[str(clips[0].path), "lost"]]}))
    with pytest.raises(ValueError, match=r"damaged bounds \(3 rows for 2 clips\).*delete"):
        build(clips, tmp_path / "cache")


def test_unusable_requests_are_refused(clips, tmp_path):
    with pytest.raises(ValueError, match="no clips to build bounds of"):
        build([], tmp_path / "cache")
    with pytest.raises(ValueError, match="clips of 'yes', which is no word of"):
        build(clips, tmp_path / "cache", words=("no",))
    with pytest.raises(ValueError, match=r"none of the 1 clips is usable.*absent"):
        build([Clip(tmp_path / "absent.wav", "no", "training", "folder")], tmp_path / "cache")


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
def test_odd_files_among_good_ones(clips, tmp_path, tone, flac, caplog):
    """Headers that lie, and names that are not UTF-8: read or skipped, the same from the cache."""
    folder = clips[0].path.parent
    flac(folder / "open.flac", tone(), claimed=0)
    flac(folder / "endless.flac", tone(), claimed=2**36 - 1)
    soundfile.write(folder / "cancel.wav", np.stack([tone(), -tone()], axis=1), 16_000)
    (folder / "h\udcf6ren.flac").write_bytes((folder / "open.flac").read_bytes())
    (folder / "br\udcf6ken.wav").write_bytes(b"no sound")
    names = ["open.flac", "endless.flac", "cancel.wav", "h\udcf6ren.flac", "br\udcf6ken.wav"]
    mixed = [*clips, *(Clip(folder / name, "no", "training", "folder") for name in names)]
    with caplog.at_level(logging.WARNING):
        result = build(mixed, tmp_path / "cache")
    assert [clip.path.name for clip in result.clips[3:]] == ["open.flac", "h\udcf6ren.flac"]
    np.testing.assert_allclose(result.values, [[-0.3, 0.3]] * 5, atol=0.02)
    reasons = {path.name: reason for path, reason in result.skipped}
    assert list(reasons) == ["endless.flac", "cancel.wav", "br\udcf6ken.wav"]
    assert "cut short" in reasons["endless.flac"]
    assert "cancel" in reasons["cancel.wav"]
    assert "skipped 3 of 8 clips" in caplog.text
    again = build(mixed, tmp_path / "cache")
    assert (again.skipped, again.clips) == (result.skipped, result.clips)


def test_a_full_disk_is_named_and_leaves_nothing(clips, tmp_path, full_disk):
    wide = replace(BOUNDS, shape=(200,), transform=lambda audio: audio[:, :200])
    folder = tmp_path / "cache"
    with full_disk(3_000), pytest.raises(OSError, match=f"{folder}.*: cannot be written: File too"):
        build(clips, folder, recipe=wide)
    assert not list(folder.iterdir())
    assert build(clips, folder, recipe=wide).values.shape == (3, 200)


def test_fewer_rows_than_clips_have_a_header_of_the_same_length(clips, tmp_path):
    absent = [Clip(tmp_path / f"{k}.wav", "no", "training", "folder") for k in range(120)]
    result = build([*absent, *clips], tmp_path / "cache")
    np.testing.assert_allclose(result.values, [[-0.3, 0.3]] * 3, atol=0.02)
    (file,) = (tmp_path / "cache").glob("*/bounds.npy")
    np.save(tmp_path / "expected.npy", np.asarray(result.values))
    assert file.read_bytes() == (tmp_path / "expected.npy").read_bytes()
