"""Make clips until enough of each word are accepted, batch by batch; go on where it stopped."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from scoresubnet.audio.io import Audio, write_wav
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.backends import precision_of
from scoresubnet.data.recordings import Recording, content_of, read_recordings
from scoresubnet.evaluation.generated import clip_seed
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.expansion.judge import RecordingsJudge
from scoresubnet.expansion.manifest import Manifest, Row
from scoresubnet.expansion.nearest import copy_limits, log_mel_distances
from scoresubnet.expansion.surroundings import Surroundings
from scoresubnet.files import claim, escaped, file_hash, refuse_unwritable
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.jobs.clip_job import ClipJob
from scoresubnet.jobs.parts import Part
from scoresubnet.model_about import find_weights
from scoresubnet.options.registries import refuse_unknown
from scoresubnet.pipeline import SpeechGenerator

SETTINGS = "settings.json"
MOST_PER_WORD = 1_000_000
BATCH = 16
ENOUGH = 200
"""Clips of a word after which it is given up if `HOPE` of them are not kept."""
HOPE = 0.02


@dataclass(frozen=True)
class Expanded:
    """What there is of a word in a part of a job.

    Attributes:
        word: the name of its folder.
        kept: clips on the disk.
        unheard: clips that the judge did not accept.
        copies: clips that it did accept, but that count as copies, see `copy_limits`; they are
            refused, or among the kept ones, as the job has it.
        given_up: whether so few were kept that it was stopped.
    """

    word: str
    kept: int
    unheard: int
    copies: int
    given_up: bool


@dataclass(frozen=True)
class Expansion:
    """A job: clips of the words of some recordings.

    Attributes:
        recordings: one folder a word, see `data.recordings`.
        weights: name, folder or file of weights that know the words.
        out: gets `<word>/<number>.wav`, `manifest.csv`, `refused.csv` and `settings.json`.
        per_word: clips of each word that are kept, 1 to 1,000,000.
        accept: what the judge must give the word asked for, at least; 0 takes everything.
        copies: whether clips are kept, too, that count as copies of a recording.
        judge: "recordings", see `RecordingsJudge`, or "classifier", that of the weights, which
            also guides them.
        part: of a larger job, into the same folder.
        seed: of the job.
        sampling: a preset's name, or None for what the weights say.
        overrides: settings of sampling by name.
        vocoder: from log-Mels to sound.
        towards: a seed, and how far the noise of every clip moves towards that of this one.
        surroundings: room, noise and level of what is written.
        backend: a key of `backends.BACKENDS`, what runs the weights.

    Raises:
        ValueError: a number is out of its range.
    """

    recordings: str | os.PathLike[str]
    weights: str | os.PathLike[str]
    out: str | os.PathLike[str]
    per_word: int = 1000
    accept: float = 0.8
    copies: bool = False
    judge: str = "recordings"
    part: Part = field(default_factory=Part)
    seed: int = 0
    sampling: str | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    vocoder: str = "pitch"
    towards: tuple[int, float] | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    backend: str = "auto"

    def __post_init__(self) -> None:
        if not 1 <= self.per_word <= MOST_PER_WORD:
            raise ValueError(f"per_word {self.per_word}; it lies in 1 to {MOST_PER_WORD:,}")
        if not 0 <= self.accept <= 1:
            raise ValueError(f"accept {self.accept}; it is a probability, 0 to 1")
        refuse_unknown("judge", self.judge, JUDGES)

    def run(self, progress: bool = True) -> list[Expanded]:
        """Make what is missing.

        Returns:
            What there is now of each word in this part.

        Raises:
            ValueError: the recordings, the weights or a setting cannot be used, or the folder has
                clips of another job.
            OSError: something cannot be written; what was written before is whole.
        """
        generator = SpeechGenerator.from_pretrained(
            self.weights, self.vocoder, batch_size=BATCH, device=None, backend=self.backend
        )
        recordings = read_recordings(self.recordings, generator.mel)
        words = list(dict.fromkeys(recording.word for recording in recordings))
        settings = generator.check(words, [0] * len(words), self.sampling, **self.overrides)
        judge = JUDGES[self.judge](generator, recordings)  # it may refuse; the folder is free then
        out = Path(self.out)
        refuse_unwritable(out)
        if ClipJob.is_in(out):
            raise ValueError(f"{out}: has clips of `scoresubnet generate`; choose another --out")
        claim(out / SETTINGS, self._about(recordings, settings.to_dict()))
        manifest = Manifest(out, self.part)
        known = _known(recordings, generator.mel)
        untold = [word for word in words if not known[word].limit]
        if untold and not self.copies:
            few = f"too few recordings to tell what is a copy: {', '.join(untold)}"
            print(few, file=sys.stderr)
        with manifest.opened():
            there = manifest.by_word()
            wanted = self.part.share(self.per_word)
            with tqdm(
                total=wanted * len(words), desc="kept", unit="clip", disable=not progress
            ) as bar:
                for word in words:
                    numbers = _Numbers(there[word], self.part)
                    self._fill(known[word], wanted, numbers, generator, judge, manifest, bar)
            if self.part.is_all:
                manifest.join()
        there = manifest.by_word()
        own = {word: [row for row in there[word] if self.part.has(row.number)] for word in words}
        return [_summary(word, own[word], wanted, self.accept) for word in words]

    def _fill(
        self,
        known: _Known,
        wanted: int,
        numbers: _Numbers,
        generator: SpeechGenerator,
        judge: Judge,
        manifest: Manifest,
        bar: tqdm[Any],
    ) -> None:
        """Make clips of one word until enough are kept, or too few are."""
        bar.update(min(wanted, numbers.kept))
        wanted = min(wanted, self.per_word - numbers.of_others)
        while numbers.kept < wanted and not _is_hopeless(numbers.kept, numbers.tried):
            chosen = numbers.next(min(BATCH, wanted - numbers.kept))
            seeds = [clip_seed(self.seed, known.word, number) for number in chosen]
            labels = [known.word] * len(chosen)
            given = {"towards": self.towards, "listen": False, **self.overrides}
            made = generator.generate(labels, seeds, self.sampling, **given)
            rows = self._judged(known, chosen, made, judge)
            manifest.add(rows)
            kept = sum(bool(row.file) for row in rows)
            numbers.kept += kept
            bar.update(kept)

    def _judged(
        self, known: _Known, numbers: Sequence[int], made: GeneratedSpeech, judge: Judge
    ) -> list[Row]:
        """The rows of a batch, whose accepted clips are written."""
        words, probabilities = judge(made)
        place = words.index(known.word)
        nearest, distances = known.nearest(made.mels[:, 0])
        near = distances < known.limit
        rows = []
        for k, number in enumerate(numbers):
            sure = round(float(probabilities[k, place]), 4)  # as it is written down
            path = Path(self.out) / known.word / f"{number:06d}.wav"
            if is_kept := sure >= self.accept and (self.copies or not near[k]):
                audio: Audio = made.audio[k]
                write_wav(path, self.surroundings(audio, made.rate, made.seeds[k]), made.rate)
            else:
                path.unlink(missing_ok=True)  # a kill may have left it without its row
            file = f"{path.parent.name}/{path.name}" if is_kept else ""
            about = (sure, round(float(distances[k]), 4), nearest[k], bool(near[k]))
            heard = words[int(probabilities[k].argmax())]
            rows.append(Row(file, known.word, number, made.seeds[k], heard, *about))
        return rows

    def _about(self, recordings: Sequence[Recording], sampling: dict[str, Any]) -> dict[str, Any]:
        """All that the clips depend on, but for their number."""
        return {
            "recordings": content_of(recordings),
            "weights": file_hash(find_weights(self.weights))[:16],
            "sampling": sampling,
            "seed": self.seed,
            "accept": self.accept,
            "copies": self.copies,
            "judge": self.judge,
            "vocoder": self.vocoder,
            "towards": self.towards,
            "noise": self.surroundings.noise,
            "room": self.surroundings.room,
            "level": self.surroundings.level,
            "precision": precision_of(self.backend),
        }


Judge = Callable[[GeneratedSpeech], tuple[Sequence[str], Floats]]
"""Clips -> the words that it tells apart, and their probabilities (N, words)."""


def _by_recordings(generator: SpeechGenerator, recordings: Sequence[Recording]) -> Judge:
    judge = RecordingsJudge([r.audio for r in recordings], [r.word for r in recordings])
    if judge.right is not None:
        print(f"the judge is right on {judge.right:.0%} of recordings left out", file=sys.stderr)
    return lambda made: (judge.words, judge(list(made.audio)))


def _by_classifier(generator: SpeechGenerator, recordings: Sequence[Recording]) -> Judge:
    words = {generator.label_of(r.word): r.word for r in recordings}
    names = [words.get(label, label) for label in generator.labels]
    return lambda made: (names, generator.probabilities(made.mels).astype(np.float64))


JUDGES: dict[str, Callable[[SpeechGenerator, Sequence[Recording]], Judge]] = {
    "recordings": _by_recordings,
    "classifier": _by_classifier,
}


@dataclass(frozen=True)
class _Known:
    """The recordings of one word, and how near to one a clip is a copy."""

    word: str
    names: list[str]
    log_mels: NDArray[np.float32]
    limit: float

    def nearest(self, log_mels: NDArray[np.float32]) -> tuple[list[str], Floats]:
        """The name of the nearest recording to each clip (N, F, T), and how far it is."""
        distances = log_mel_distances(log_mels, self.log_mels)
        return [self.names[k] for k in distances.argmin(1)], distances.min(1)


def _known(recordings: Sequence[Recording], mel: MelSettings) -> dict[str, _Known]:
    """By word."""
    words: dict[str, list[Recording]] = {}
    for recording in recordings:
        words.setdefault(recording.word, []).append(recording)
    front_end = LogMel(mel)
    log_mels = {
        word: front_end(np.stack([recording.audio for recording in own]))[:, 0]
        for word, own in words.items()
    }
    limits = copy_limits(log_mels)
    return {
        word: _Known(word, [escaped(r.path.name) for r in own], log_mels[word], limits[word])
        for word, own in words.items()
    }


class _Numbers:
    """Which clips of a word have been tried, and which come next.

    Args:
        rows: of the word, of all parts.
        part: whose numbers they are.
    """

    def __init__(self, rows: Sequence[Row], part: Part) -> None:
        self.part = part
        own = [row for row in rows if part.has(row.number)]
        self.done = {row.number for row in own}
        self._next = part.number - 1
        self.kept = sum(bool(row.file) for row in own)
        self.of_others = sum(bool(row.file) for row in rows) - self.kept

    @property
    def tried(self) -> int:
        return len(self.done)

    def next(self, count: int) -> list[int]:
        """The smallest numbers of the part that have not been tried; they count as tried now."""
        found: list[int] = []
        while len(found) < count:
            if self._next not in self.done:
                found.append(self._next)
            self._next += self.part.of
        self.done.update(found)
        return found


def _is_hopeless(kept: int, tried: int) -> bool:
    return tried >= ENOUGH and kept < HOPE * tried


def _summary(word: str, rows: Sequence[Row], wanted: int, accept: float) -> Expanded:
    kept = sum(bool(row.file) for row in rows)
    heard = [row for row in rows if row.sure >= accept]
    given_up = kept < wanted and _is_hopeless(kept, len(rows))
    return Expanded(word, kept, len(rows) - len(heard), sum(row.near for row in heard), given_up)
