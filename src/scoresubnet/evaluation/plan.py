"""What is compared with what: the files, and the words that they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scoresubnet.data.words import UNCONDITIONAL, WORD_SETS, resolve_words
from scoresubnet.evaluation.clip_sets import (
    ClipFile,
    Reference,
    find_clip_files,
    find_reference,
    labels_of,
    refuse_none,
)

LEAST = 2  # generated clips
LEAST_REAL = 4  # test clips: two to compare with, and two in the row of real clips


@dataclass(frozen=True)
class Folders:
    """Where clips are.

    Attributes:
        generated: of the clips that are evaluated.
        reference: of real clips.
        training: of training clips, if not with the real ones.
    """

    generated: Path
    reference: Path
    training: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What goes into a report, found but not read yet.

    Attributes:
        folders: that hold the files.
        generated: files; none yet where a generator is to be sampled.
        reference: real clips of the words.
        words: the labels of all this; none if no clip has one.
    """

    folders: Folders
    generated: list[ClipFile]
    reference: Reference
    words: tuple[str, ...]


def asked_labels(labels: Sequence[str] | None) -> tuple[str, ...] | None:
    """The labels of a command line, of which one alone may be the name of a word set.

    Raises:
        ValueError: one is there twice.
    """
    if labels is None:
        return None
    if len(labels) == 1 and labels[0] in WORD_SETS:
        return WORD_SETS[labels[0]]
    return resolve_words(list(labels))


def plan_for_clips(folders: Folders, asked: tuple[str, ...] | None) -> Plan:
    """The generated files that are there, and the real ones of the same words.

    Args:
        folders: all are searched.
        asked: labels to choose; None for all.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a folder cannot be used, has too few files, or lacks a word.
    """
    words = None if asked == (UNCONDITIONAL,) else asked
    reference = _reference(folders, words)
    known = words or labels_of(reference.testing)
    files = find_clip_files(folders.generated, known)
    if asked and any(file.label is not None for file in files):
        labels = [UNCONDITIONAL if file.label is None else file.label for file in files]
        if lacking := [word for word in asked if word not in labels]:
            raise ValueError(f"{folders.generated}: no clips of {', '.join(lacking)}")
        files = [file for file, label in zip(files, labels, strict=True) if label in asked]
    refuse_none(files, folders.generated, LEAST)
    own = labels_of(files)
    if not known and own:  # flat real files may be named by the labels of the generated ones
        reference = _reference(folders, own)
    chosen = words or own or labels_of(reference.testing)
    return Plan(folders, files, _of_words(reference, chosen, folders.reference), chosen)


def plan_for_generator(folders: Folders, labels: tuple[str, ...], known: Sequence[str]) -> Plan:
    """The real files for clips that are still to be sampled.

    Args:
        folders: the generated one need not be there.
        labels: to be sampled; "none" alone is compared with all words that the generator knows.
        known: those words.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a folder cannot be used, has too few files, or lacks a word.
    """
    reference = _reference(folders, known)
    chosen = labels
    if labels == (UNCONDITIONAL,):
        chosen = tuple(word for word in labels_of(reference.testing) if word in known)
    return Plan(folders, [], _of_words(reference, chosen, folders.reference), chosen)


def _reference(folders: Folders, known: Sequence[str] | None) -> Reference:
    reference = find_reference(folders.reference, folders.training, known)
    refuse_none(reference.testing, folders.reference, LEAST_REAL)
    return reference


def _of_words(reference: Reference, words: tuple[str, ...], folder: Path) -> Reference:
    """The files of these words; all if they have no labels.

    Raises:
        ValueError: there are too few, or none of a word.
    """
    there = labels_of(reference.testing)
    if not there:
        return reference
    if lacking := [word for word in words if word not in there]:
        raise ValueError(
            f"{folder}: no test clips of {', '.join(lacking)}; choose with --labels from "
            f"{', '.join(there)}"
        )
    testing = [file for file in reference.testing if file.label in words]
    refuse_none(testing, folder, LEAST_REAL)
    return Reference(testing, [f for f in reference.training if f.label in (*words, None)])
