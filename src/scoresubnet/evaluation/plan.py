"""The plan of a comparison: the files of every system, and real clips of the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoresubnet.data.words import UNCONDITIONAL, WORD_SETS, resolve_words
from scoresubnet.evaluation.clips import (
    ClipFile,
    Reference,
    find_clip_files,
    find_reference,
    labels_of,
    refuse_none,
)
from scoresubnet.evaluation.generated import GeneratedClips

LEAST = 2  # generated clips
LEAST_REAL = 4  # test clips: two to compare with, and two in the row of real clips


@dataclass(frozen=True)
class Folders:
    """Folders of real clips.

    Attributes:
        reference: clips that were not trained on, or Speech Commands with its lists.
        training: training clips, if not with those.
    """

    reference: Path
    training: Path | None = None


@dataclass(frozen=True)
class Plan:
    """Files for a report, found but not read yet.

    Attributes:
        given: name -> its files, of the systems that are folders.
        reference: real clips of the words.
        words: the labels of all this; none if no clip has one.
    """

    given: Mapping[str, list[ClipFile]]
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


def plan(
    systems: Mapping[str, Path | GeneratedClips], folders: Folders, asked: tuple[str, ...] | None
) -> Plan:
    """Find the files, and the words that everything is about.

    Args:
        systems: name -> a folder of clips, or clips that are still to be sampled.
        folders: of real clips.
        asked: labels to choose; None for all.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a folder cannot be used, has too few files, or lacks a word.
    """
    samplers = [each for each in systems.values() if isinstance(each, GeneratedClips)]
    spoken = tuple(dict.fromkeys(w for each in samplers for w in each.generator.labels))
    words = None if asked == (UNCONDITIONAL,) else asked
    reference = _reference(folders, words or spoken)
    known = words or labels_of(reference.testing) or spoken
    given = {
        name: _chosen(each, known, asked)
        for name, each in systems.items()
        if not isinstance(each, GeneratedClips)
    }
    own = {label for files in given.values() for label in labels_of(files)}
    own |= {label for each in samplers for label in each.labels} - {UNCONDITIONAL}
    if not own:  # unconditional clips may say whatever their weights know, or else anything
        own = {w for w in labels_of(reference.testing) if not samplers or w in spoken}
    elif not labels_of(reference.testing):  # flat real files may be named by these labels
        reference = _reference(folders, sorted(own))
    chosen = words or tuple(sorted(own))
    return Plan(given, _of_words(reference, chosen, folders.reference), chosen)


def _chosen(folder: Path, known: Sequence[str], asked: tuple[str, ...] | None) -> list[ClipFile]:
    """The files of a folder, of the labels that are asked for."""
    files = find_clip_files(folder, known)
    if asked and any(file.label is not None for file in files):
        labels = [UNCONDITIONAL if file.label is None else file.label for file in files]
        if lacking := [word for word in asked if word not in labels]:
            raise ValueError(f"{folder}: no clips of {', '.join(lacking)}")
        files = [file for file, label in zip(files, labels, strict=True) if label in asked]
    refuse_none(files, folder, LEAST)
    return files


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
