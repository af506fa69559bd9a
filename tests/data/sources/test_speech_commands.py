import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from scoresubnet.data.clips import Split
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.data.words import WORD_SETS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = ["yes/a_nohash_0.wav", "yes/a_nohash_1.flac", "yes/b_nohash_0.wav", "no/c_nohash_0.wav"]
    for name in [*files, "_background_noise_/noise.wav", "yes/notes.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "validation_list.txt").write_text("yes/b_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/a_nohash_1.wav\nno/c_nohash_0.wav\n")
    return tmp_path


def test_lists_decide_the_split_whatever_the_suffix(root):
    clips = find_speech_commands(root)
    assert [(c.path.relative_to(root).as_posix(), c.label, c.split) for c in clips] == [
        ("no/c_nohash_0.wav", "no", "testing"),
        ("yes/a_nohash_0.wav", "yes", "training"),
        ("yes/a_nohash_1.flac", "yes", "testing"),
        ("yes/b_nohash_0.wav", "yes", "validation"),
    ]
    assert {c.source for c in clips} == {"speech_commands"}
    assert [c.speaker for c in clips] == ["c", "a", "a", "b"]


SPLITS = {"a_nohash_0": "training", "a_nohash_1": "testing", "b_nohash_0": "validation"}


@pytest.mark.parametrize(
    "written",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("/", "\\"),
        lambda text: "\n".join(f"./{line}" for line in text.splitlines()),
        lambda text: "\n".join(f"speech_commands_v0.02/{line} " for line in text.splitlines()),
        lambda text: "\n".join(f"C:\\data\\{line}" for line in text.splitlines()),
        lambda text: text.replace(".wav", ".flac") + "\n\n",
    ],
)
def test_lines_are_matched_by_word_and_name(written, root):
    for name in ("validation_list.txt", "testing_list.txt"):
        text = (root / name).read_text()
        (root / name).write_bytes(written(text).encode())
    clips = find_speech_commands(root)
    assert {c.path.stem: c.split for c in clips if c.label == "yes"} == SPLITS
    assert [c.split for c in clips if c.label == "no"] == ["testing"]


def test_words_and_lines_are_compared_in_nfc(root):
    nfc, nfd = (unicodedata.normalize(form, "über/é_nohash_0") for form in ("NFC", "NFD"))
    for folder, line in ((nfd, nfc), (nfc, nfd)):
        path = root / f"{folder}.wav"
        path.parent.mkdir()
        path.touch()
        (root / "testing_list.txt").write_text(f"{line}.wav", encoding="utf-8")
        (clip,) = find_speech_commands(root, ["über"])
        assert (clip.label, clip.split) == ("über", "testing")
        path.unlink()
        path.parent.rmdir()


def test_lines_without_a_clip_are_counted_in_one_warning(root, caplog):
    """Of the words that are asked for, or of none of the corpus, of which this may be a part."""
    with (root / "testing_list.txt").open("a") as file:
        file.write("yes/z_nohash_0.wav\nup/a_nohash_0.wav\nno/z_nohash_1.wav\n")
    with (root / "validation_list.txt").open("a") as file:
        file.write("yes/y_nohash_0.wav\nz_nohash_2.wav\ncorpusno/c_nohash_0.wav\n")
    for words, count, first in ((None, 5, "yes/y"), (["no"], 3, "/z"), (["yes"], 4, "yes/y")):
        caplog.clear()
        find_speech_commands(root, words)
        (record,) = caplog.records
        assert f"{root}: {count} lines of its lists match no clip here, such as {first}" in (
            record.getMessage()
        )


def test_lists_that_match_are_no_warning(root, caplog):
    (root / "up").mkdir()
    (root / "up/a_nohash_0.wav").touch()
    find_speech_commands(root)
    find_speech_commands(root, ["up"])  # of which the lists have no line
    assert not caplog.records


@pytest.mark.parametrize("name", ["validation_list.txt", "testing_list.txt"])
@pytest.mark.parametrize("text", ["a_nohash_1.wav\nc_nohash_0.wav", "ja/1.wav", "no/x.wav"])
def test_a_list_that_names_no_clip_is_refused(text, name, root):
    (root / name).write_text(text)
    with pytest.raises(ValueError, match=rf"{root / name}: none of its \d lines .*kind 'folder'"):
        find_speech_commands(root)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_list_means_no_such_clips(text, root):
    (root / "validation_list.txt").write_text(text)
    assert {clip.split for clip in find_speech_commands(root)} == {"training", "testing"}


def test_a_list_that_is_no_text_is_refused(root):
    (root / "testing_list.txt").write_text("no/c_nohash_0.wav", encoding="utf-16")
    with pytest.raises(ValueError, match=rf"{root}/testing_list.txt: not UTF-8 text; restore"):
        find_speech_commands(root)
    (root / "testing_list.txt").write_text("no/c_nohash_0.wav\ncorpus\0\0no/b_nohash_1.wav")
    with pytest.raises(
        ValueError, match=rf"{root}/testing_list.txt: damaged, as it has zero bytes"
    ):
        find_speech_commands(root)


def test_a_clip_in_both_lists_is_refused(root):
    (root / "validation_list.txt").write_text("./yes/b_nohash_0.wav\nno/c_nohash_0.wav\n")
    with pytest.raises(ValueError, match=f"{root}: no/c_nohash_0 is in both validation_list.txt"):
        find_speech_commands(root)


def test_only_the_words_asked_for(root):
    assert {c.label for c in find_speech_commands(root, ["no"])} == {"no"}


def test_a_recording_in_both_formats_counts_once(root):
    (root / "no/c_nohash_0.flac").touch()
    assert [c.path.name for c in find_speech_commands(root, ["no"])] == ["c_nohash_0.wav"]


def test_missing_word_names_the_nearest(root):
    with pytest.raises(ValueError, match=r"unknown word 'yess'; .*: yes"):
        find_speech_commands(root, ["no", "yess"])


def test_word_without_clips_is_refused(root):
    (root / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: no \.wav"):
        find_speech_commands(root)


def test_unknown_preset_names_the_nearest(root):
    with pytest.raises(ValueError, match=r"'SC10'.*SC12"):
        find_speech_commands(root, "SC10")


def test_word_named_twice_and_no_word_are_refused(root):
    with pytest.raises(ValueError, match="twice: no"):
        find_speech_commands(root, ["no", "no"])
    with pytest.raises(ValueError, match="empty"):
        find_speech_commands(root, [])


@pytest.mark.parametrize("name", ["validation_list.txt", "testing_list.txt"])
def test_missing_list_is_refused(root, name):
    (root / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        find_speech_commands(root)


def test_missing_root_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        find_speech_commands(tmp_path / "absent")


def test_presets():
    assert {name: len(words) for name, words in WORD_SETS.items()} == {
        "SC09": 10,
        "SC12": 12,
        "WORDS18": 18,
        "ARABIC16": 16,
    }
    assert set(WORD_SETS["WORDS18"]) == {*WORD_SETS["SC09"], *WORD_SETS["SC12"]}


def test_real_recordings_have_the_official_splits(recordings):
    clips = find_speech_commands(recordings / "speech_commands", "WORDS18")
    counts = Counter((c.label, c.split) for c in clips)
    splits: tuple[Split, ...] = ("training", "validation", "testing")
    assert tuple(counts["zero", s] for s in splits) == (514, 52, 27)
    assert tuple(counts["right", s] for s in splits) == (508, 100, 389)
    assert tuple(counts["nine", s] for s in splits) == (17, 2, 28)
    assert len(clips) == 9596
    speakers = {s: {c.speaker for c in clips if c.split == s} for s in splits}
    assert not speakers["training"] & speakers["testing"]
    assert not speakers["training"] & speakers["validation"]
    assert not speakers["validation"] & speakers["testing"]
