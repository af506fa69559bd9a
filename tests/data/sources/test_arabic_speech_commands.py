import csv
from collections import Counter
from pathlib import Path

import pytest

from scoresubnet.data.clips import SPLITS
from scoresubnet.data.sources import Source, find_clips
from scoresubnet.data.sources.arabic_speech_commands import find_arabic_speech_commands
from scoresubnet.data.words import ARABIC, WORD_SETS

NAMES = [f"{speaker:08}_NO_{take:02}" for speaker in (1, 2, 3) for take in (1, 2)]
SPEAKERS = {"train": "00000001", "val": "00000002", "test": "00000003"}
LISTS = [f"{name}.csv" for name in SPEAKERS]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two takes of three speakers, one a split, of two keywords of the table and one that is not.

    The lists name a keyword more, which is not here, as those of the whole release do.
    """
    for keyword, suffix in (("zero", "wav"), ("no", "flac"), ("other", "wav")):
        (tmp_path / keyword).mkdir()
        for name in NAMES:
            (tmp_path / keyword / f"{name}.{suffix}").touch()
    for split, speaker in SPEAKERS.items():
        lines = [
            f"dataset/{keyword}/{name}.wav,{keyword}"
            for keyword in ("zero", "no", "other", "absent")
            for name in NAMES
            if name.startswith(speaker)
        ]
        (tmp_path / f"{split}.csv").write_text("\n".join(["file,class", *lines, ""]))
    return tmp_path


def test_labels_are_what_is_said_and_lists_decide_the_split(root, caplog):
    clips = find_arabic_speech_commands(root)
    assert Counter((c.label, c.split) for c in clips) == {
        (label, split): 2 for label in ("la", "other", "sifr") for split in SPLITS
    }
    assert {(c.speaker, c.split) for c in clips} == set(zip(SPEAKERS.values(), SPLITS, strict=True))
    assert {(c.label, c.path.parent.name) for c in clips} == {
        ("la", "no"),
        ("other", "other"),
        ("sifr", "zero"),
    }
    assert {c.source for c in clips} == {"arabic_speech_commands"}
    assert not caplog.records


def test_words_are_asked_for_by_what_is_said(root):
    clips = find_clips([Source("arabic_speech_commands", str(root), ["sifr", "other"])])
    assert list(dict.fromkeys(c.label for c in clips)) == ["sifr", "other"]
    with pytest.raises(ValueError, match=r"unknown word 'zero'.* sifr.*; words are what is said"):
        find_arabic_speech_commands(root, ["zero"])
    with pytest.raises(ValueError, match=r"unknown word 'sifrr'; nearest first, there are: sifr"):
        find_arabic_speech_commands(root, ["sifrr"])


def test_the_folders_may_be_in_dataset_as_the_lists_have_them(root, tmp_path):
    expected = [(c.path.stem, c.label, c.split) for c in find_arabic_speech_commands(root)]
    (root / "dataset").mkdir()
    for keyword in ("zero", "no", "other"):
        (root / keyword).rename(root / "dataset" / keyword)
    found = find_arabic_speech_commands(root)
    assert [(c.path.stem, c.label, c.split) for c in found] == expected
    assert {c.path.parents[1] for c in found} == {root / "dataset"}


@pytest.mark.parametrize(
    "written",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("/", "\\"),
        lambda text: text.replace("file,class\n", ""),
        lambda text: text.replace(".wav,", ".flac , "),
        lambda text: "\n".join(f'"{p}","{k}"' for p, _, k in _parts(text)),
        lambda text: text.replace("dataset/", "/data/arabic/dataset/"),
    ],
)
def test_lines_are_matched_by_keyword_and_name(written, root, caplog):
    expected = find_arabic_speech_commands(root)
    for name in LISTS:
        (root / name).write_bytes(written((root / name).read_text()).encode())
    assert find_arabic_speech_commands(root) == expected
    assert not caplog.records


def _parts(text):
    return [line.partition(",") for line in text.splitlines()[1:]]


def test_a_clip_in_no_list_is_left_out_with_one_warning(root, caplog):
    """Never trained on: nothing tells whether its speaker is for testing."""
    for keyword in ("zero", "no"):
        (root / keyword / "00000009_NO_01.wav").touch()
    clips = find_arabic_speech_commands(root)
    assert len(clips) == 18
    assert "00000009" not in {c.speaker for c in clips}
    (record,) = caplog.records
    assert (
        f"{root}: 2 of 20 clips are in none of train.csv, val.csv, test.csv, such as "
        "no/00000009_NO_01, and are left out"
    ) in record.getMessage()


def test_clips_that_are_all_in_no_list_are_refused(root):
    for name in LISTS:
        (root / name).write_text("file,class\n")
    with pytest.raises(ValueError, match=f"{root}: 18 of 18 clips are in none of .*restore it"):
        find_arabic_speech_commands(root)


def test_lines_without_a_clip_are_counted_in_one_warning(root, caplog):
    """Of keywords that are here; of others that the release has they tell nothing."""
    with (root / "val.csv").open("a") as file:
        file.write("dataset/zero/00000008_NO_01.wav,zero\n00000008_NO_02.wav,no\n")
    find_arabic_speech_commands(root)
    (record,) = caplog.records
    assert f"{root}: 2 lines of its lists match no clip here, such as zero/00000008_NO_01" in (
        record.getMessage()
    )


def test_a_clip_in_two_lists_is_refused(root):
    with (root / "test.csv").open("a") as file:
        file.write(f"dataset/no/{NAMES[0]}.wav,no\n")
    with pytest.raises(ValueError, match=f"no/{NAMES[0]} is in both train.csv and test.csv; take"):
        find_arabic_speech_commands(root)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, FileNotFoundError, "the official split list is missing; restore it"),
        ("dataset/zero/x.wav,zero".encode("utf-16"), ValueError, "not UTF-8 text; restore it"),
        (b"file,class\n\0\0", ValueError, "damaged, as it has zero bytes; restore it"),
        (b"id,split\n1,a\n", ValueError, "none of its 2 lines names a clip in"),
    ],
)
def test_a_list_that_cannot_be_used_is_named(content, error, message, name, root):
    if content is None:
        (root / name).unlink()
    else:
        (root / name).write_bytes(content)
    with pytest.raises(error, match=f"{root / name}: {message}.*source kind 'folder'"):
        find_arabic_speech_commands(root)


def test_two_folders_of_one_word_are_refused(root):
    (root / "sifr").mkdir()
    with pytest.raises(ValueError, match="two folders are of the word 'sifr'"):
        find_arabic_speech_commands(root)


def test_the_table_agrees_with_the_recordings(recordings):
    with (recordings / "arabic_speech_commands/words.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["folder"], r["romanised"]) for r in rows] == list(ARABIC.items())
    assert WORD_SETS["ARABIC16"] == tuple(r["romanised"] for r in rows)


def test_real_recordings_have_the_official_splits(recordings, caplog):
    clips = find_arabic_speech_commands(recordings / "arabic_speech_commands", "ARABIC16")
    counts = {"training": 180, "validation": 60, "testing": 60}
    assert Counter((c.label, c.split) for c in clips) == {
        (word, split): n for word in WORD_SETS["ARABIC16"] for split, n in counts.items()
    }
    speakers = [{c.speaker for c in clips if c.split == split} for split in SPLITS]
    assert [len(each) for each in speakers] == [18, 6, 6]
    assert len(set.union(*speakers)) == 30
    assert not caplog.records
