"""The rows of a report: the systems that are evaluated, and references with a known order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.io import Audio
from scoresubnet.evaluation.cache import Cache, content_key
from scoresubnet.evaluation.clips import SAMPLES, ClipSet
from scoresubnet.evaluation.judges.waveforms import RATE
from scoresubnet.jobs.parts import Part
from scoresubnet.vocoders import Vocoder, resynthesise

REFERENCES = {
    "real": "real test clips",
    "vocoded": "real, through log-Mel and vocoder",
    "training": "training clips",
    "noise": "Gaussian noise",
    "silence": "silence",
}
NOISE_LEVEL = 0.1  # standard deviation of the noise: -20 dB of full scale
MOST_NOISE = 300  # clips of noise and of silence


@dataclass(frozen=True)
class System:
    """One row.

    Attributes:
        name: a key of `REFERENCES`, or that of a system that is evaluated.
        clips: (16000,) each, in an order in which any first N are nearly even in labels.
        labels: the word that each should be; None if they have none.
        names: `<label>/<number>` of each; None if there are none.
    """

    name: str
    clips: Sequence[Audio]
    labels: tuple[str, ...] | None
    names: tuple[str, ...] | None = None

    @property
    def title(self) -> str:
        """Its name in tables."""
        return REFERENCES.get(self.name, self.name)

    def share(self, part: Part) -> System:
        """The clips of a part of a job; where there are too few for every part, all of them."""
        places = part.take(range(len(self.clips))) or range(len(self.clips))
        labels, names = (
            None if each is None else tuple(each[k] for k in places)
            for each in (self.labels, self.names)
        )
        return System(self.name, [self.clips[k] for k in places], labels, names)


@dataclass(frozen=True)
class Systems:
    """All rows, and the real clips that sets are compared with.

    Attributes:
        rows: by name; those that are evaluated come first, then those of `REFERENCES`.
        evaluated: names of the first.
        reference: real test clips of which no speaker is in a row.
        part: of a job, whose clips these are.
    """

    rows: Mapping[str, System]
    evaluated: tuple[str, ...]
    reference: System
    part: Part = field(default_factory=Part)

    @property
    def equal(self) -> int:
        """So many clips of each row are compared where a figure depends on the number.

        The least of the numbers of reference, real and evaluated clips.
        """
        rows = [self.reference, *(self.rows[name] for name in (*self.evaluated, "real"))]
        return min(len(row.clips) for row in rows)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The first system that is evaluated with each of the others."""
        return [(self.evaluated[0], other) for other in self.evaluated[1:]]

    def common(self, a: str, b: str) -> tuple[list[int], list[int]] | None:
        """Positions of the clips that two systems share by name, or None where they share none."""
        first, second = self.rows[a].names, self.rows[b].names
        if first is None or second is None:
            return None
        places = {name: k for k, name in enumerate(second)}
        shared = [(k, places[name]) for k, name in enumerate(first) if name in places]
        return ([k for k, _ in shared], [j for _, j in shared]) if shared else None


@dataclass(frozen=True)
class RealClips:
    """Recordings that were read: two sets of test clips with no speaker in common, and training."""

    row: ClipSet
    reference: ClipSet
    training: ClipSet = field(default_factory=lambda: ClipSet([], [], []))


def rows_of(
    evaluated: Mapping[str, ClipSet],
    real: RealClips,
    vocoder: Vocoder,
    cache: Cache,
    seed: int,
    part: Part | None = None,
) -> Systems:
    """Put the rows together.

    Args:
        evaluated: name -> its clips.
        real: a row of training clips is left out if there are fewer than two.
        vocoder: of the row "vocoded".
        cache: keeps the vocoded clips.
        seed: of the noise.
        part: of a job, whose clips the evaluated ones are; its share of the others is put to them.

    Raises:
        ValueError: the vocoder has another sample rate.
    """
    part = part or Part()
    labels = sorted({file.label for file in real.row.files if file.label is not None})
    count = min(MOST_NOISE, len(real.row.clips))
    cycle = tuple(itertools.islice(itertools.cycle(labels), count)) if labels else None
    found = system("real", real.row).share(part)
    others = [
        found,
        System("vocoded", through_vocoder(found.clips, vocoder, cache), found.labels, found.names),
    ]
    if len(real.training.clips) > 1:
        others.append(system("training", real.training).share(part))
    others.append(System("noise", noise_clips(count, seed), cycle).share(part))
    silence = [np.zeros(SAMPLES, dtype=np.float32)] * count
    others.append(System("silence", silence, cycle).share(part))
    rows = [*(system(name, clips) for name, clips in evaluated.items()), *others]
    reference = system("reference", real.reference).share(part)
    return Systems({row.name: row for row in rows}, tuple(evaluated), reference, part)


def system(name: str, found: ClipSet) -> System:
    """A row of clips that were read."""
    labels = tuple(file.label for file in found.files if file.label is not None)
    names = tuple(file.name for file in found.files)
    return System(name, found.clips, labels if len(labels) == len(names) else None, names)


def noise_clips(count: int, seed: int) -> list[Audio]:
    """White Gaussian noise (16000,), clip k drawn from (seed, k) alone."""
    drawn = (np.random.default_rng([seed, k]).standard_normal(SAMPLES) for k in range(count))
    return [np.clip(NOISE_LEVEL * x, -1, 1).astype(np.float32) for x in drawn]


def through_vocoder(clips: Sequence[Audio], vocoder: Vocoder, cache: Cache) -> list[Audio]:
    """Clips (16000,) to log-Mel and back, in steps of 16-bit audio as files have them.

    Raises:
        ValueError: the vocoder has another sample rate.
    """
    if vocoder.mel.sample_rate != RATE:
        raise ValueError(f"the vocoder makes {vocoder.mel.sample_rate} Hz; need {RATE} Hz")

    def make(positions: list[int]) -> list[NDArray[np.int16]]:
        made = [resynthesise(clips[k], vocoder) for k in positions]
        return [np.rint(32_767 * audio).astype(np.int16) for audio in made]

    keys = [content_key(clip) for clip in clips]
    kept = cache.rows("vocoded", vocoder.settings, keys, make)
    return [audio.astype(np.float32) / np.float32(32_768) for audio in kept]
