from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from scoresubnet.data.words import DIGITS
from scoresubnet.evaluation.generated import GeneratedClips
from scoresubnet.evaluation.plan import Folders, Plan, asked_labels, plan


class Sampled(GeneratedClips):
    """Clips that are still to be sampled, of a generator that knows some words."""

    def __init__(self, labels: tuple[str, ...], known: tuple[str, ...]) -> None:
        self.labels = labels
        self.generator = SimpleNamespace(labels=known)  # type: ignore[assignment]


def plan_for_clips(
    made: Path, real: Path, training: Path | None = None, asked: tuple[str, ...] | None = None
) -> Plan:
    return plan({"made": made}, Folders(real, training), asked)


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
    found = plan_for_clips(made, real, training)
    assert found.words == ("a", "b")
    assert [file.label for file in found.reference.testing] == ["a"] * 3 + ["b"] * 3
    assert [file.label for file in found.reference.training] == ["a"]


def test_flat_real_clips_are_named_by_the_generated_words(tmp_path: Path) -> None:
    made = put(tmp_path / "made", "a/1", "b/1")
    real = put(tmp_path / "real", "a-1", "a-2", "b-1", "b-2")
    found = plan_for_clips(made, real)
    assert [file.label for file in found.reference.testing] == ["a", "a", "b", "b"]


def test_no_labels_anywhere(tmp_path: Path) -> None:
    made, real = put(tmp_path / "made", "x1", "x2"), put(tmp_path / "real", *"stuv")
    found = plan_for_clips(made, real)
    assert found.words == ()
    assert len(found.reference.testing) == 4


def test_none_chooses_the_clips_of_no_word(tmp_path: Path) -> None:
    made = put(tmp_path / "made", "none/1", "none/2", "a/1")
    real = put(tmp_path / "real", *(f"{word}/{k}" for word in "ab" for k in range(3)))
    with pytest.raises(ValueError, match="are mixed; choose some with --labels"):
        plan_for_clips(made, real)
    found = plan_for_clips(made, real, asked=("none",))
    assert [file.label for file in found.given["made"]] == [None, None]
    assert found.words == ("a", "b")


def test_a_generator_is_compared_with_what_it_can_say(tmp_path: Path) -> None:
    real = put(tmp_path / "real", *(f"{word}/{k}" for word in "abc" for k in range(3)))
    folders, known = Folders(real), ("b", "a", "z")
    assert plan({"x": Sampled(("none",), known)}, folders, ("none",)).words == ("a", "b")
    assert plan({"x": Sampled(("b", "a"), known)}, folders, ("b", "a")).words == ("b", "a")
    with pytest.raises(ValueError, match="no test clips of z"):
        plan({"x": Sampled(known, known)}, folders, None)


def test_several_systems_are_about_the_words_of_all(tmp_path: Path) -> None:
    real = put(tmp_path / "real", *(f"{word}/{k}" for word in "abc" for k in range(3)))
    made = put(tmp_path / "made", "b/1", "b/2")
    systems = {"x": Sampled(("a",), ("a",)), "y": made}
    found = plan(systems, Folders(real), None)
    assert found.words == ("a", "b")
    assert list(found.given) == ["y"]
