import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from scoresubnet.data.sources import SOURCES, Source, find_clips
from scoresubnet.data.sources.folder import find_folder, split_of


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_files_of_each_word(tmp_path):
    make(tmp_path, "ja/1.wav", "ja/2.FLAC", "nein/1.wav", "nein/read.me", ".git/x.wav")
    clips = find_folder(tmp_path)
    assert [(c.label, c.path.name, c.source) for c in clips] == [
        ("ja", "1.wav", "folder"),
        ("ja", "2.FLAC", "folder"),
        ("nein", "1.wav", "folder"),
    ]


def test_split_is_about_80_10_10():
    counts = Counter(split_of(f"take{n}") for n in range(5000))
    assert counts["training"] == pytest.approx(4000, abs=120)
    assert counts["validation"] == pytest.approx(500, abs=100)
    assert counts["testing"] == pytest.approx(500, abs=100)


def test_split_stays_when_files_are_added_or_converted(tmp_path):
    names = [f"ja/take{n}.wav" for n in range(50)]
    before = {c.path.stem: c.split for c in find_folder(make(tmp_path / "a", *names))}
    others = [f"ja/take{n}.flac" for n in range(80)]
    after = {c.path.stem: c.split for c in find_folder(make(tmp_path / "b", *others))}
    assert before.items() <= after.items()


def test_takes_of_a_speaker_stay_together():
    splits = {s: {split_of(f"{s}_nohash_{take}") for take in range(10)} for s in range(40)}
    assert all(len(of_speaker) == 1 for of_speaker in splits.values())
    assert len(set.union(*splits.values())) == 3


def test_a_name_may_tell_the_speaker(tmp_path):
    """The split of Arabic takes stays by name, as it was before speakers were known."""
    names = ["a_nohash_0", "00000001_NO_02", "1234567_NO_02", "00000001_NO_x", "take0", "1_theo_2"]
    clips = find_folder(make(tmp_path, *(f"ja/{name}.wav" for name in names)))
    told = {clip.path.stem: clip.speaker for clip in clips}
    assert {stem: s for stem, s in told.items() if s} == {
        "a_nohash_0": "a",
        "00000001_NO_02": "00000001",
    }
    assert told.keys() == set(names)
    assert len({split_of(f"00000001_NO_{take:02}") for take in range(20)}) == 3


def test_splits_are_frozen():
    marks = {"training": ".", "validation": "v", "testing": "t"}
    splits = "".join(marks[split_of(f"take{n}")] for n in range(40))
    assert splits == ".t.t.........v..tt...........t.v....vt.."


def test_a_name_need_not_be_utf_8():
    assert split_of("h\udcf6ren") == split_of("h\udcf6ren_nohash_3")
    assert split_of("h\u00f6ren") == "training"  # by the bytes of UTF-8, as ever


def test_missing_word_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no word folders"):
        find_folder(tmp_path)
    make(tmp_path, "ja/1.wav", "nein/read.me")
    with pytest.raises(ValueError, match=r"unknown word 'jaa'; .*: ja, nein; words are"):
        find_folder(tmp_path, ["jaa"])
    with pytest.raises(ValueError, match=r"nein: no \.wav"):
        find_folder(tmp_path)


NFC, NFD = (unicodedata.normalize(form, "über") for form in ("NFC", "NFD"))


@pytest.mark.parametrize("asked", [NFC, NFD])
@pytest.mark.parametrize("folder", [NFC, NFD])
def test_words_are_compared_in_nfc(folder, asked, tmp_path):
    make(tmp_path, f"{folder}/1.wav", "nein/1.wav")
    (clip,) = find_clips([Source("folder", str(tmp_path), [asked])])
    assert (clip.label, clip.path) == (NFC, tmp_path / folder / "1.wav")
    assert {c.label for c in find_folder(tmp_path)} == {NFC, "nein"}


def test_two_folders_of_one_word_are_refused(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path}: two folders are of the word '{NFC}'"):
        find_folder(make(tmp_path, f"{NFC}/1.wav", f"{NFD}/2.wav"))


@pytest.mark.parametrize("name", ["ja ", "a\\b", "a\nb", "\udce9t\udce9"])
def test_a_folder_that_cannot_be_a_word_is_refused_if_it_is_wanted(name, tmp_path):
    make(tmp_path, f"{name}/1.wav", "nein/1.wav")
    with pytest.raises(ValueError, match=r"the word .* give it another name"):
        find_folder(tmp_path)
    assert [c.label for c in find_folder(tmp_path, ["nein"])] == ["nein"]


def test_labels_of_any_source_are_words(tmp_path, monkeypatch):
    (found,) = find_folder(make(tmp_path, "ja/1.wav"))
    for label, message in ((NFD, None), ("../ja", "'../ja' has a slash"), (1, "1 is no text")):
        monkeypatch.setitem(
            SOURCES, "own", lambda root, words, label=label: [replace(found, label=label)]
        )
        if message is None:
            assert [c.label for c in find_clips([Source("own", "x")])] == [NFC]
            continue
        with pytest.raises(ValueError, match=message):
            find_clips([Source("own", "x")])


def test_several_sources_together(tmp_path):
    fsdd = make(tmp_path / "fsdd", *(f"recordings/{d}_theo_9.wav" for d in range(10)))
    own = make(tmp_path / "own", "one/1.wav", "happy/1.wav")
    words = ["one", "seven", "happy"]
    clips = find_clips(
        [
            Source("folder", str(own), ["one", "happy"]),
            {"kind": "fsdd", "root": fsdd, "words": words},
        ]
    )
    assert [(c.source, c.label) for c in clips] == [
        ("folder", "one"),
        ("folder", "happy"),
        ("fsdd", "one"),
        ("fsdd", "seven"),
    ]


def test_word_that_no_source_has_is_refused(tmp_path):
    fsdd = make(tmp_path, *(f"recordings/{d}_theo_9.wav" for d in range(10)))
    with pytest.raises(ValueError, match=r"unknown word 'sevn'; .*: seven; no data source"):
        find_clips([Source("fsdd", str(fsdd), ["seven", "sevn"])])


def test_malformed_sources_are_refused():
    assert set(SOURCES) == {"speech_commands", "fsdd", "arabic_speech_commands", "folder"}
    with pytest.raises(ValueError, match=r"unknown kind of data source 'fsd'; .*: fsdd, "):
        Source("fsd", "somewhere")
    with pytest.raises(ValueError, match=r"key of a data source 'word'; .*: words, "):
        find_clips([{"kind": "fsdd", "root": "x", "word": ["one"]}])
    with pytest.raises(ValueError, match="needs the key 'root'"):
        find_clips([{"kind": "fsdd"}])
    with pytest.raises(ValueError, match="no data sources"):
        find_clips([])
