"""Clips to evaluate: the files of a folder, the word and speaker of each, and their sound."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scoresubnet.audio.io import AUDIO_SUFFIXES, Audio, AudioError, fit_length, read_audio
from scoresubnet.data.clips import SPLITS, label_folders, list_audio, speaker_of
from scoresubnet.data.sources import SOURCES
from scoresubnet.data.words import UNCONDITIONAL, as_word, nfc
from scoresubnet.evaluation.judges.waveforms import RATE

SAMPLES = RATE  # of every clip that is evaluated: one second
_CORPORA = {
    "speech_commands": ("testing_list.txt",),
    "arabic_speech_commands": ("train.csv", "val.csv", "test.csv"),
}
"""kind of source -> the lists that tell it"""


@dataclass(frozen=True)
class ClipFile:
    """A sound file.

    Attributes:
        path: the file.
        label: the word that it should be, or None.
    """

    path: Path
    label: str | None

    @property
    def name(self) -> str:
        """`<label>/<number or other stem>`, alike in both layouts, or the stem alone."""
        stem = nfc(self.path.stem)
        return f"{self.label}/{stem.removeprefix(f'{self.label}-')}" if self.label else stem


@dataclass(frozen=True)
class LeftOut:
    """A file that cannot be used.

    Attributes:
        file: its path in the folder that was given.
        reason: why.
    """

    file: str
    reason: str


@dataclass(frozen=True)
class Reference:
    """Recordings to compare with.

    Attributes:
        testing: clips that no generator was trained on.
        training: clips that it was trained on; none if they are not known.
    """

    testing: list[ClipFile]
    training: list[ClipFile]


def find_clip_files(folder: Path, known: Sequence[str] | None = None) -> list[ClipFile]:
    """The .wav and .flac files of a folder, sorted, in one of three layouts.

    One folder a label, `seven/....wav` (`none` is no label); or flat, named as `generate` does,
    `seven.wav` or `seven-12.wav`, if these are labels that are known; or flat and without labels.

    Args:
        folder: is not searched deeper than that.
        known: the labels that names of flat files may have.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the folder mixes layouts, only some of its files are named by a label, or the
            name of a folder cannot be a label.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; give a folder of wav or flac")
    flat = list_audio(folder)
    inside = {name: list_audio(path) for name, path in label_folders(folder).items()}
    inside = {as_word(name): files for name, files in inside.items() if files}
    if flat and inside:
        raise ValueError(
            f"{folder}: holds both sound files ({flat[0].name}) and folders of them "
            f"({next(iter(inside))}); keep one kind"
        )
    if inside:
        return [
            ClipFile(path, None if name == UNCONDITIONAL else name)
            for name, files in inside.items()
            for path in files
        ]
    labels = [label_of(path.stem, known or ()) for path in flat]
    if None in labels and any(labels):
        unnamed = flat[labels.index(None)]
        raise ValueError(
            f"{folder}: some files are named by a label, others, such as {unnamed.name}, are not; "
            f"evaluate them apart (labels: {', '.join(known or ())})"
        )
    return [ClipFile(path, label) for path, label in zip(flat, labels, strict=True)]


def label_of(stem: str, known: Sequence[str]) -> str | None:
    """The label in `<label>` or `<label>-<seed>`; None if it is not a known one."""
    stem = nfc(stem)
    if stem in known:
        return stem
    label = re.sub(r"-\d+$", "", stem)
    return label if label in known else None


def find_reference(
    folder: Path, training: Path | None = None, known: Sequence[str] | None = None
) -> Reference:
    """Real clips: Speech Commands, English or Arabic, with their lists, or any folder of clips.

    Of a corpus the testing clips are compared with, and the training clips are known; of a folder
    as `find_clip_files` reads it all clips are compared with. `training` is a second folder, of
    either kind.

    Raises:
        FileNotFoundError: a folder or list is missing.
        ValueError: a folder cannot be used, or holds no sound file.
    """
    found = _find_corpus(folder) or Reference(find_clip_files(folder, known), [])
    if training is None:
        return found
    other = _find_corpus(training)
    trained = other.training if other else find_clip_files(training, known)
    refuse_none(trained, training, 1)
    return Reference(found.testing, trained)


def _find_corpus(folder: Path) -> Reference | None:
    """The clips of a corpus that is there with its lists, if one is."""
    for kind, lists in _CORPORA.items():
        if all((folder / name).is_file() for name in lists):
            clips = SOURCES[kind](folder)
            of = {s: [ClipFile(c.path, c.label) for c in clips if c.split == s] for s in SPLITS}
            return Reference(of["testing"], of["training"])
    return None


def refuse_none(files: Sequence[ClipFile], folder: Path, least: int) -> None:
    """Refuse fewer than `least` files, and say what to do.

    Raises:
        ValueError: there are fewer.
    """
    if len(files) < least:
        count = "no" if not files else f"only {len(files)}"
        kinds = " or ".join(AUDIO_SUFFIXES)
        raise ValueError(
            f"{folder}: {count} sound file{'s' * (len(files) != 1)} here; need at least {least}, "
            f"ending in {kinds}, in one folder a label or named <label>-<number>"
        )


def labels_of(files: Sequence[ClipFile]) -> tuple[str, ...]:
    """The labels that occur, sorted; none if no file has one.

    Raises:
        ValueError: some files have a label, and others have none.
    """
    labels = {file.label for file in files}
    named = sorted(label for label in labels if label is not None)
    if named and None in labels:
        raise ValueError(
            f"clips of {', '.join(named)} and clips of {UNCONDITIONAL!r} are mixed; choose some "
            "with --labels, or evaluate them apart"
        )
    return tuple(named)


def in_turn(files: Sequence[ClipFile], seed: int) -> list[ClipFile]:
    """The files in a drawn order in which the labels take turns: any first N are nearly even."""
    groups = _drawn(files, seed)
    longest = max((len(group) for group in groups), default=0)
    return [group[k] for k in range(longest) for group in groups if k < len(group)]


def split_by_speaker(files: Sequence[ClipFile], seed: int) -> tuple[list[ClipFile], list[ClipFile]]:
    """Two drawn halves, no speaker in both, each label split nearly evenly, both as `in_turn`.

    Speakers are told by the names of files (`data.clips.speaker_of`); a file whose name tells none
    counts as a speaker. One after the other, those with the most files first, they go to the half
    that has fewer of their words.

    Raises:
        ValueError: all files are of one speaker.
    """
    speakers: defaultdict[str, list[ClipFile]] = defaultdict(list)
    for file in files:
        speakers[speaker_of(file.path.stem) or str(file.path)].append(file)
    generator = np.random.default_rng(seed)
    drawn = [list(speakers)[k] for k in generator.permutation(len(speakers))]
    drawn.sort(key=lambda speaker: -len(speakers[speaker]))  # stable: ties stay drawn
    found: tuple[list[ClipFile], list[ClipFile]] = ([], [])
    counts: tuple[Counter[str | None], Counter[str | None]] = (Counter(), Counter())
    for speaker in drawn:
        own = Counter(file.label for file in speakers[speaker])
        excess = sum(own[label] * (counts[0][label] - counts[1][label]) for label in own)
        # Words even: the smaller half.
        half = int((excess, counts[0].total() - counts[1].total()) > (0, 0))
        counts[half].update(own)
        found[half].extend(speakers[speaker])
    if len(speakers) < 2 and files:
        raise ValueError(
            f"{files[0].path.parent}: all {len(files)} test clips are of one speaker; "
            "real clips are split by speaker, so give those of two or more"
        )
    return in_turn(found[0], seed), in_turn(found[1], seed)


def evenly(files: Sequence[ClipFile]) -> list[ClipFile]:
    """The files without those that make their label more than twice as frequent as the rarest.

    Sets that differ in their shares of words are apart, whatever they sound like. Of each label the
    first files are kept.
    """
    counts = Counter(file.label for file in files)
    most = 2 * min(counts.values(), default=0)
    taken: Counter[str | None] = Counter()
    kept = []
    for file in files:
        taken[file.label] += 1
        if taken[file.label] <= most:
            kept.append(file)
    return kept


def _drawn(files: Sequence[ClipFile], seed: int) -> list[list[ClipFile]]:
    """Each label's files in a drawn order."""
    groups: defaultdict[str, list[ClipFile]] = defaultdict(list)
    for file in files:
        groups[file.label or ""].append(file)
    generator = np.random.default_rng(seed)
    return [
        [groups[label][k] for k in generator.permutation(len(groups[label]))]
        for label in sorted(groups)
    ]


@dataclass(frozen=True)
class ClipSet:
    """Clips that were read.

    Attributes:
        clips: (16000,) each, in [-1, 1].
        files: where each is from.
        left_out: files that cannot be used.
    """

    clips: list[Audio]
    files: list[ClipFile]
    left_out: list[LeftOut]


def read_clips(
    files: Sequence[ClipFile], folder: Path, description: str = "reading", progress: bool = True
) -> ClipSet:
    """One-second clips at 16 kHz; what cannot be read is left out and named.

    Channels are averaged, other rates resampled; short clips get silence around them, and of long
    ones the loudest second is kept. Samples beyond full scale are clipped.

    Args:
        files: to read.
        folder: they are named by their paths in it.
        description: what stands before the progress bar.
        progress: show the bar.
    """
    found = ClipSet([], [], [])
    with tqdm(total=len(files), desc=description, unit="file", disable=not progress) as bar:
        for file, audio in _read(files, folder, found.left_out):
            bar.update()
            if audio is not None:
                found.clips.append(audio)
                found.files.append(file)
    return found


def _read(
    files: Sequence[ClipFile], folder: Path, left_out: list[LeftOut]
) -> Iterator[tuple[ClipFile, Audio | None]]:
    for file in files:
        try:
            audio = fit_length(read_audio(file.path, RATE), SAMPLES)
        except AudioError as error:
            name = file.path.relative_to(folder) if folder in file.path.parents else file.path
            reason = str(error).removeprefix(f"{file.path}: ")
            left_out.append(LeftOut(str(name), reason))
            yield file, None
        else:
            yield file, np.clip(audio, -1, 1)
