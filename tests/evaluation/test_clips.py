from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile

from scoresubnet.evaluation.clips import (
    ClipFile,
    evenly,
    find_clip_files,
    find_reference,
    in_turn,
    label_of,
    labels_of,
    read_clips,
    split_by_speaker,
)


def save(path: Path, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(16_000 * seconds), 0.25), 16_000)
    return path


def files(**counts: int) -> list[ClipFile]:
    return [
        ClipFile(Path(f"{label}/{k}.wav"), label) for label, n in counts.items() for k in range(n)
    ]


@pytest.mark.parametrize(
    ("stem", "label"),
    [("seven", "seven"), ("seven-12", "seven"), ("seven-1a", None), ("go-on-3", "go-on")],
)
def test_labels_in_names(stem: str, label: str | None) -> None:
    assert label_of(stem, ("seven", "go-on")) == label


def test_one_folder_a_label(tmp_path: Path) -> None:
    for name in ("b/1.wav", "a/2.flac", "a/1.wav", "none/3.wav", "_background_noise_/x.wav"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.png").write_bytes(b"")
    found = [(f.path.relative_to(tmp_path).as_posix(), f.label) for f in find_clip_files(tmp_path)]
    assert found == [("a/1.wav", "a"), ("a/2.flac", "a"), ("b/1.wav", "b"), ("none/3.wav", None)]


def test_flat_files_have_labels_if_these_are_known(tmp_path: Path) -> None:
    for name in ("a-1", "a-2", "b"):
        save(tmp_path / f"{name}.wav")
    assert [f.label for f in find_clip_files(tmp_path, ("a", "b"))] == ["a", "a", "b"]
    assert [f.label for f in find_clip_files(tmp_path)] == [None, None, None]
    with pytest.raises(ValueError, match=r"such as b.wav, are not"):
        find_clip_files(tmp_path, ("a",))


def test_mixtures_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.wav")
    save(tmp_path / "b.wav")
    with pytest.raises(ValueError, match="holds both"):
        find_clip_files(tmp_path)
    with pytest.raises(ValueError, match="are mixed"):
        labels_of([ClipFile(Path("a"), "a"), ClipFile(Path("b"), None)])


def test_speech_commands_have_their_lists(tmp_path: Path) -> None:
    for k in range(4):
        save(tmp_path / "a" / f"{k}.wav")
    (tmp_path / "testing_list.txt").write_text("a/0.wav\na/1.wav\n")
    (tmp_path / "validation_list.txt").write_text("a/2.wav\n")
    found = find_reference(tmp_path)
    assert [f.path.stem for f in found.testing] == ["0", "1"]
    assert [f.path.stem for f in found.training] == ["3"]
    other = save(tmp_path.parent / f"{tmp_path.name}-other" / "a" / "9.wav").parents[1]
    assert [f.path.stem for f in find_reference(tmp_path, other).training] == ["9"]
    assert [f.path.stem for f in find_reference(other, tmp_path).training] == ["3"]


def test_the_lists_of_a_reference_are_read_as_those_of_a_source(tmp_path: Path) -> None:
    for k in range(4):
        save(tmp_path / "a" / f"{k}.wav")
    (tmp_path / "testing_list.txt").write_text("\ufeffx\\a\\0.wav\r\nx\\a\\1.wav\r\n", "utf-8")
    (tmp_path / "validation_list.txt").write_text("./a/2.wav\n")
    found = find_reference(tmp_path)
    assert [f.path.stem for f in found.testing] == ["0", "1"]
    assert [f.path.stem for f in found.training] == ["3"]
    (tmp_path / "testing_list.txt").write_text("0.wav\n")
    with pytest.raises(ValueError, match=r"testing_list.txt: none of its 1 lines names a clip"):
        find_reference(tmp_path)


def test_arabic_speech_commands_have_their_lists_and_labels(tmp_path: Path) -> None:
    """The labels are what is said; clips that are in no list are of neither set."""
    for k in range(5):
        save(tmp_path / "zero" / f"0000000{k}_NO_01.wav")
    for k, name in enumerate(("train", "val", "test", "train")):
        with (tmp_path / f"{name}.csv").open("a") as file:
            file.write(f"dataset/zero/0000000{k}_NO_01.wav,zero\n")
    found = find_reference(tmp_path)
    assert [(f.path.stem[7], f.label) for f in found.testing] == [("2", "sifr")]
    assert [(f.path.stem[7], f.label) for f in found.training] == [("0", "sifr"), ("3", "sifr")]
    other = save(tmp_path.parent / f"{tmp_path.name}-other" / "sifr" / "9.wav").parents[1]
    assert [f.path.stem for f in find_reference(tmp_path, other).training] == ["9"]
    assert find_reference(other, tmp_path).training == found.training
    (tmp_path / "train.csv").unlink()
    assert [f.label for f in find_reference(tmp_path).testing] == ["zero"] * 5  # any folder


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_labels_are_compared_in_nfc(form: Literal["NFC", "NFD"], tmp_path: Path) -> None:
    """As macOS writes the names of files and folders, and as one types them."""
    label, written = (unicodedata.normalize(f, "über") for f in ("NFC", form))
    save(tmp_path / "inside" / written / "3.wav")
    save(tmp_path / "flat" / f"{written}-3.wav")
    for folder in ("inside", "flat"):
        (file,) = find_clip_files(tmp_path / folder, (label,))
        assert (file.label, file.name) == (label, f"{label}/3")


def test_folders_that_are_no_labels_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "a " / "1.wav")
    with pytest.raises(ValueError, match="'a ' begins or ends with a space"):
        find_clip_files(tmp_path)


def test_labels_take_turns() -> None:
    drawn = in_turn(files(a=2, b=5, c=5), seed=0)
    assert len(drawn) == len(set(drawn)) == 12
    assert Counter(f.label for f in drawn[:6]) == {"a": 2, "b": 2, "c": 2}
    assert drawn == in_turn(files(a=2, b=5, c=5), seed=0)
    assert drawn != in_turn(files(a=2, b=5, c=5), seed=1)


def spoken(**counts: int) -> list[ClipFile]:
    """Speakers "s0", "s1", ... say each word as often as given, one take after the other."""
    return [
        ClipFile(Path(f"{label}/s{k // 2}_nohash_{k % 2}.wav"), label)
        for label, n in counts.items()
        for k in range(n)
    ]


def test_halves_share_no_speaker_and_split_every_label() -> None:
    files = spoken(a=40, b=40, c=12)
    first, second = split_by_speaker(files, seed=0)
    assert {f.path for f in first} | {f.path for f in second} == {f.path for f in files}
    speakers = [{f.path.stem.partition("_nohash_")[0] for f in half} for half in (first, second)]
    assert not speakers[0] & speakers[1]
    assert abs(len(first) - len(second)) <= 4
    for label, total in {"a": 40, "b": 40, "c": 12}.items():
        counts = [sum(f.label == label for f in half) for half in (first, second)]
        assert sum(counts) == total
        assert abs(counts[0] - counts[1]) <= 4
    assert split_by_speaker(files, seed=0) == (first, second)
    assert split_by_speaker(files, seed=1) != (first, second)


def test_one_speaker_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="all 2 test clips are of one speaker"):
        split_by_speaker(spoken(a=2), seed=0)


def test_files_that_tell_no_speaker_are_split_one_by_one() -> None:
    first, second = split_by_speaker(files(a=5, b=5, c=6), seed=0)
    assert not {f.path for f in first} & {f.path for f in second}
    assert len(first) == len(second) == 8
    assert Counter(f.label for f in first)["c"] == 3


def test_real_recordings_are_split_nearly_evenly(recordings: Path) -> None:
    reference = find_reference(recordings / "speech_commands").testing
    first, second = split_by_speaker(reference, seed=0)
    assert abs(len(first) - len(second)) <= 0.02 * len(reference)
    for label in labels_of(reference):
        counts = [sum(f.label == label for f in half) for half in (first, second)]
        assert abs(counts[0] - counts[1]) <= 0.2 * sum(counts), label


def test_frequent_words_are_cut_to_twice_the_rarest() -> None:
    drawn = in_turn(files(a=3, b=6, c=50), seed=0)
    kept = evenly(drawn)
    assert Counter(f.label for f in kept) == {"a": 3, "b": 6, "c": 6}
    assert kept == [f for f in drawn if f in kept]  # in their order
    assert [f for f in drawn if f.label == "c"][:6] == [f for f in kept if f.label == "c"]
    assert evenly([]) == []


def test_reading_names_what_it_leaves_out(tmp_path: Path) -> None:
    save(tmp_path / "a" / "good.wav", 0.5)
    (tmp_path / "a" / "broken.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "a" / "loud.wav", np.full(16_000, 3.0), 16_000, subtype="FLOAT")
    found = read_clips(find_clip_files(tmp_path), tmp_path, progress=False)
    assert [item.file for item in found.left_out] == ["a/broken.wav"]
    assert str(tmp_path) not in found.left_out[0].reason
    assert [f.path.stem for f in found.files] == ["good", "loud"]
    assert [clip.shape for clip in found.clips] == [(16_000,), (16_000,)]
    assert found.clips[1].max() == 1


def test_hidden_files_are_no_clips(tmp_path: Path) -> None:
    for name in ("a/1.wav", "a/._1.wav", "a/.b/1.wav", ".c/1.wav"):
        save(tmp_path / name)
    assert [f.path.name for f in find_clip_files(tmp_path)] == ["1.wav"]
    assert [f.path.name for f in find_clip_files(tmp_path / "a")] == ["1.wav"]
