from collections import Counter
from pathlib import Path

import pytest

from scoresubnet.data.sources.fsdd import find_fsdd
from scoresubnet.data.words import WORD_SETS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "recordings").mkdir()
    for digit in range(10):
        for take in (0, 4, 5, 12):
            (tmp_path / f"recordings/{digit}_theo_{take}.wav").touch()
    return tmp_path


def test_first_five_takes_are_testing(root):
    clips = find_fsdd(root, ["seven"])
    assert {c.speaker for c in clips} == {"theo"}
    assert {(c.path.stem, c.label, c.split, c.source) for c in clips} == {
        ("7_theo_0", "seven", "testing", "fsdd"),
        ("7_theo_4", "seven", "testing", "fsdd"),
        ("7_theo_5", "seven", "training", "fsdd"),
        ("7_theo_12", "seven", "training", "fsdd"),
    }


def test_digits_among_the_words_are_taken(root):
    assert {c.label for c in find_fsdd(root, "SC12")} == {"zero", "one", "five", "eight"}


def test_words_without_a_digit_are_refused(root):
    with pytest.raises(ValueError, match="FSDD has only zero"):
        find_fsdd(root, ["happy", "sevn"])


def test_other_file_names_are_refused(root):
    (root / "recordings/seven.wav").touch()
    with pytest.raises(ValueError, match=r"seven\.wav: not named <digit>_<speaker>_<take>"):
        find_fsdd(root)


def test_missing_digit_is_refused(root):
    for path in root.glob("recordings/3_*"):
        path.unlink()
    with pytest.raises(ValueError, match=r"digit 3 \(three\)"):
        find_fsdd(root)


def test_missing_recordings_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="root of FSDD"):
        find_fsdd(tmp_path)


def test_real_recordings(recordings):
    counts = Counter((c.label, c.split) for c in find_fsdd(recordings / "fsdd"))
    expected = {(word, split): n for word in WORD_SETS["SC09"] for split, n in SPLITS.items()}
    assert counts == expected


SPLITS = {"training": 270, "testing": 30}
