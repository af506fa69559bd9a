"""Quality of generated words for one solver and one number of steps; clips and scores are kept."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.data.clips import Clip
from scoresubnet.evaluation.judges.base import Embedder, embedded
from scoresubnet.evaluation.judges.intelligibility import WordRecogniser, recognition
from scoresubnet.evaluation.measures import Measure, scores_of
from scoresubnet.evaluation.statistics.bootstrap import bootstrap_interval
from scoresubnet.evaluation.statistics.frechet import frechet_interval
from scoresubnet.files import replacing, write_json
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import evaluations
from scoresubnet.sampling import Sampling

RATE = 16_000
RESAMPLES = 200


@dataclass(frozen=True)
class Figure:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """What one setting reaches.

    Attributes:
        sampling: the setting.
        evaluations: how often a clip asks for the score.
        clips: how many were measured.
        right: share that the recogniser hears as the word asked for.
        distance: Frechet distance to real clips.
        mos: mean of DNSMOS's overall score.
    """

    sampling: Sampling
    evaluations: int
    clips: int
    right: Figure
    distance: Figure
    mos: Figure

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def settings_within(
    budgets: Sequence[int],
    samplers: Sequence[str],
    grid: str,
    guidance: float,
    schedules: Sequence[str],
) -> list[Sampling]:
    """For each solver, schedule and budget the most steps that ask for the score no more often."""
    found = []
    for sampler, schedule, budget in itertools.product(samplers, schedules, budgets):
        fitting = [n for n in range(1, budget + 1) if evaluations(sampler, n) <= budget]
        if fitting:
            found.append(Sampling(sampler, fitting[-1], grid, guidance, schedule))
    return list(dict.fromkeys(found))


def generated_clips(
    generator: SpeechGenerator, weights: str, setting: Sampling, seeds: Sequence[int], cache: Path
) -> list[Audio]:
    """One clip (samples,) of each label and seed, seed by seed, one file a seed.

    Args:
        generator: with its vocoder.
        weights: a hash of what it has loaded; clips of others are not reused.
        setting: of the reverse process.
        seeds: of the clips.
        cache: a folder; an interrupted run goes on where it stopped.
    """
    labels = list(generator.labels)
    key = {"weights": weights, "vocoder": generator.vocoder.name, "labels": labels}
    text = json.dumps(key | asdict(setting), sort_keys=True)
    folder = cache / "clips" / hashlib.sha256(text.encode()).hexdigest()[:16]
    write_json(folder / "settings.json", key | asdict(setting))
    clips: list[Audio] = []
    for seed in seeds:
        path = folder / f"{seed}.npy"
        if not path.is_file():
            speech = generator.generate(labels, [seed] * len(labels), setting)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, speech.audio.numpy().astype(np.float32))
        clips += list(np.load(path, allow_pickle=False))
    return clips


def real_clips(clips: Sequence[Clip]) -> list[Audio]:
    """Recordings as clips of one second (16000,)."""
    return [fit_length(read_audio(clip.path, RATE), RATE) for clip in clips]


def measured(
    setting: Sampling,
    clips: list[Audio],
    labels: Sequence[str],
    real: list[Audio],
    recogniser: WordRecogniser,
    embedder: Embedder,
    mos: Measure,
    cache: Path,
) -> Point:
    """Every figure of one setting.

    Args:
        setting: that made the clips.
        clips: (samples,) at 16 kHz.
        labels: the word that each should be.
        real: as many real clips as there are, for the Frechet distance.
        recogniser: knows every label.
        embedder: of the Frechet distance.
        mos: a measure with the score `dnsmos_ovrl`.
        cache: keeps what was heard, embedded and scored.
    """
    heard = recognition(recogniser, clips, labels, RATE, description=_name(setting)).overall
    rows = embedded(embedder, clips, cache).embedding
    reference = embedded(embedder, real, cache).embedding
    distance = frechet_interval(reference, rows, RESAMPLES)
    scores = scores_of(mos, clips, None, cache, description=f"{mos.name}, {_name(setting)}")
    values = [value for value in scores["dnsmos_ovrl"] if value is not None]
    mean = bootstrap_interval(lambda x: float(np.mean(x)), values)
    return Point(
        setting,
        evaluations(setting.sampler, setting.steps),
        len(clips),
        Figure(heard.value, *heard.interval),
        Figure(distance.value, distance.low, distance.high),
        Figure(mean.value, mean.low, mean.high),
    )


def _name(setting: Sampling) -> str:
    return f"{setting.sampler}, {setting.steps} steps, {setting.schedule}"
