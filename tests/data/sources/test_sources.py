import math
from dataclasses import replace
from pathlib import Path

import pytest

from scoresubnet.data.sources import SOURCES, Source, find_clips
from scoresubnet.data.sources.folder import find_folder


@pytest.fixture
def words(tmp_path: Path) -> Path:
    for name in ("ja/1.wav", "ja/2.wav", "nein/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("weight", [0, 0.0, -1.0, math.nan, math.inf, -math.inf])
def test_weights_that_are_no_shares_are_refused(weight):
    with pytest.raises(ValueError, match=r"must be positive, got .*leave the source out"):
        Source("folder", "somewhere", weight=weight)
    with pytest.raises(ValueError, match="must be positive"):
        find_clips([{"kind": "folder", "root": "somewhere", "weight": weight}])


def test_clips_have_the_weight_of_their_source(words):
    """The same folder by words, as one would to weigh words of a corpus differently."""
    clips = find_clips(
        [
            Source("folder", str(words), ["nein"], weight=0.2),
            {"kind": "folder", "root": str(words), "words": ["ja"], "weight": 3},
            Source("folder", str(words), ["nein"]),
        ]
    )
    assert [(clip.label, clip.weight) for clip in clips] == [
        ("nein", 0.2),
        ("ja", 3),
        ("ja", 3),
        ("nein", 1.0),
    ]


def test_a_weight_changes_nothing_else(words):
    found = find_folder(words)
    assert find_clips([Source("folder", str(words))]) == found
    weighted = find_clips([Source("folder", str(words), weight=0.5)])
    assert weighted == [replace(clip, weight=0.5) for clip in found]


@pytest.mark.parametrize("kind", SOURCES)
def test_hidden_files_are_of_no_source(tmp_path, kind):
    """macOS writes `._a.wav` beside `a.wav` on a foreign disk; it holds no sound."""
    root = tmp_path / "root"
    for list_name in ("validation_list.txt", "testing_list.txt"):
        root.mkdir(exist_ok=True)
        (root / list_name).touch()
    folders = ["recordings"] if kind == "fsdd" else ["zero", "one"]
    names = [f"{n}_theo_0.wav" for n in range(10)]
    for folder in folders:
        (root / folder / ".Trash").mkdir(parents=True)
        for name in names:
            for path in (name, f"._{name}", f".Trash/{name}"):
                (root / folder / path).touch()
    listed = [f"{folder}/{name},{folder}" for folder in folders for name in names]
    for list_name in ("train.csv", "val.csv", "test.csv"):
        (root / list_name).write_text("\n".join(listed if list_name == "test.csv" else []))
    clips = find_clips([Source(kind, str(root))])
    assert [clip.path.name for clip in clips] == names * len(folders)
