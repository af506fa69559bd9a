from __future__ import annotations

from pathlib import Path

import pytest

from scoresubnet.data.words import DIGITS
from scoresubnet.evaluation.plan import (
    Folders,
    asked_labels,
    plan_for_clips,
    plan_for_generator,
)


def put(root: Path, *names: str) -> Path:
    """Empty files: nothing is read yet."""
    for name in names:
        path = root / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def test_a_word_set_by_its_name() -> None:
    assert asked_labels(["SC09"]) == DIGITS
    assert asked_labels(["a", "SC09"]) == ("a", "SC09")
    assert asked_labels(None) is None


def test_real_clips_are_those_of_the_generated_words(tmp_path: Path) -> None:
    made = put(tmp_path / "made", "a-1", "a-2", "b-1")
    real = put(tmp_path / "real", *(f"{word}/{k}" for word in "abc" for k in range(3)))
    training = put(tmp_path / "training", "a/9", "c/9")
    plan = plan_for_clips(Folders(made, real, training), None)
    assert plan.words == ("a", "b")
    assert [file.label for file in plan.reference.testing] == ["a"] * 3 + ["b"] * 3
    assert [file.label for file in plan.reference.training] == ["a"]


def test_flat_real_clips_are_named_by_the_generated_words(tmp_path: Path) -> None:
    made = put(tmp_path / "made", "a/1", "b/1")
    real = put(tmp_path / "real", "a-1", "a-2", "b-1", "b-2")
    plan = plan_for_clips(Folders(made, real), None)
    assert [file.label for file in plan.reference.testing] == ["a", "a", "b", "b"]


def test_no_labels_anywhere(tmp_path: Path) -> None:
    made, real = put(tmp_path / "made", "x1", "x2"), put(tmp_path / "real", *"stuv")
    plan = plan_for_clips(Folders(made, real), None)
    assert plan.words == ()
    assert len(plan.reference.testing) == 4


def test_none_chooses_the_clips_of_no_word(tmp_path: Path) -> None:
    made = put(tmp_path / "made", "none/1", "none/2", "a/1")
    real = put(tmp_path / "real", *(f"{word}/{k}" for word in "ab" for k in range(3)))
    with pytest.raises(ValueError, match="are mixed; choose some with --labels"):
        plan_for_clips(Folders(made, real), None)
    plan = plan_for_clips(Folders(made, real), ("none",))
    assert [file.label for file in plan.generated] == [None, None]
    assert plan.words == ("a", "b")


def test_a_generator_is_compared_with_what_it_can_say(tmp_path: Path) -> None:
    real = put(tmp_path / "real", *(f"{word}/{k}" for word in "abc" for k in range(3)))
    folders = Folders(tmp_path / "not-yet", real)
    assert plan_for_generator(folders, ("none",), ("b", "a", "z")).words == ("a", "b")
    assert plan_for_generator(folders, ("b", "a"), ("b", "a", "z")).words == ("b", "a")
    with pytest.raises(ValueError, match="no test clips of z"):
        plan_for_generator(folders, ("a", "z"), ("b", "a", "z"))
