"""A pack stands where recordings stood: the same clips, the same log-Mels."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data import packs
from scoresubnet.data.clips import Clip
from scoresubnet.data.features import Features, build_features
from scoresubnet.data.packs import write_pack
from scoresubnet.data.sources import find_clips
from scoresubnet.data.waveforms import build_waveforms

HASH = MelSettings().hash


@pytest.fixture
def found(words_folder: Path) -> list[Clip]:
    return find_clips([{"kind": "folder", "root": str(words_folder)}])


def _features(clips: list[Clip], cache: Path) -> Features:
    words = sorted({clip.label for clip in clips})
    return build_features(clips, words, cache, progress=False)


@pytest.fixture
def pack(found: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In parts of three clips."""
    monkeypatch.setattr(packs, "_PART_BYTES", 3 * 80 * 64 * 2)
    features = _features(found, tmp_path / "cache")
    write_pack(features.clips, features.x, HASH, tmp_path / "pack")
    return tmp_path / "pack"


def _packed(pack: Path, **source: object) -> list[Clip]:
    return find_clips([{"kind": "folder", "root": str(pack), **source}])


def _about(clip: Clip) -> tuple[object, ...]:
    return clip.path.name, clip.label, clip.split, clip.source, clip.speaker, clip.weight


def test_the_same_clips_and_log_mels_but_for_testing(
    found: list[Clip], pack: Path, tmp_path: Path
) -> None:
    trained = [clip for clip in found if clip.split != "testing"]
    assert len(trained) < len(found)
    clips = _packed(pack)
    assert [_about(clip) for clip in clips] == [_about(clip) for clip in trained]
    before, after = _features(trained, tmp_path / "cache"), _features(clips, tmp_path / "none")
    np.testing.assert_array_equal(after.x, before.x)
    np.testing.assert_array_equal(after.labels, before.labels)
    np.testing.assert_array_equal(after.splits, before.splits)
    assert not (tmp_path / "none").exists()
    parts = sorted(pack.glob("*.npy"))
    assert len(parts) == -(-len(trained) // 3) > 1
    assert len(parts) + 1 == len(list(pack.iterdir()))


def test_some_words_in_another_order(pack: Path, tmp_path: Path) -> None:
    every = _packed(pack)
    words = list(dict.fromkeys(clip.label for clip in every))[::-1]
    clips = _packed(pack, words=words)
    assert list(dict.fromkeys(clip.label for clip in clips)) == words
    rows = {clip.path: row for clip, row in zip(every, _features(every, tmp_path).x, strict=True)}
    for clip, row in zip(clips, _features(clips, tmp_path).x, strict=True):
        np.testing.assert_array_equal(row, rows[clip.path])
    with pytest.raises(ValueError, match=rf"'hun'.*packed in {re.escape(str(pack))}"):
        _packed(pack, words=["hun"])


def test_another_kind_of_source(pack: Path) -> None:
    with pytest.raises(ValueError, match="packed of a source of kind 'folder'"):
        find_clips([{"kind": "fsdd", "root": str(pack)}])


def test_another_front_end(pack: Path, tmp_path: Path) -> None:
    clips, settings = _packed(pack), MelSettings(f_min=100.0)
    with pytest.raises(ValueError, match="another front end; pack the recordings anew"):
        build_features(clips, sorted({c.label for c in clips}), tmp_path, settings)


def test_what_is_damaged_is_named(pack: Path, tmp_path: Path) -> None:
    def damaged(name: str) -> Path:
        copy = tmp_path / name
        shutil.copytree(pack, copy)
        return copy

    one = damaged("one")
    part = one / "log_mels-01.npy"
    part.write_bytes(part.read_bytes()[:-2])
    two = damaged("two")
    (two / "log_mels-01.npy").unlink()
    three = damaged("three")
    np.save(three / "log_mels-01.npy", np.zeros((2, 80, 64), np.float16))
    for copy in (one, two, three):
        with pytest.raises(ValueError, match=rf"{copy.name}/log_mels-01\.npy: .*copy it anew"):
            _features(_packed(copy), tmp_path)
    four = damaged("four")
    index = json.loads((four / "pack.json").read_text())
    (four / "pack.json").write_text(json.dumps(index | {"clips": index["clips"][1:]}))
    with pytest.raises(ValueError, match=r"four/pack\.json: damaged"):
        _packed(four)


def test_recordings_are_not_in_it(found: list[Clip], pack: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds log-Mels alone; waveforms are made of recordings"):
        build_waveforms(_packed(pack), tmp_path)
    with pytest.raises(ValueError, match="a recording among packed log-Mels; pack all or none"):
        _features([*_packed(pack), *found], tmp_path)


def test_nothing_to_train_on(found: list[Clip], tmp_path: Path) -> None:
    testing = [clip for clip in found if clip.split == "testing"]
    with pytest.raises(ValueError, match="no clips for training to pack"):
        write_pack(testing, np.zeros((len(testing), 80, 64), np.float16), HASH, tmp_path / "new")
    assert not (tmp_path / "new").exists()
