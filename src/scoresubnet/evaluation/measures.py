"""The measures of waveforms by name, and the scores of many clips, each computed once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.audio.spectra import LEAST_POWER, RESOLUTIONS
from scoresubnet.evaluation.judges.quality import PREDICTORS, QualityPredictor
from scoresubnet.evaluation.judges.resynthesis import (
    log_mel_l1,
    multi_resolution_stft,
    pesq_wb,
    stoi,
)
from scoresubnet.evaluation.judges.waveforms import Unmeasurable
from scoresubnet.evaluation.statistics.bootstrap import Interval, bootstrap_interval
from scoresubnet.files import write_json

_log = logging.getLogger(__name__)

RESAMPLES, SEED = 10_000, 0  # of the intervals of `rows_of_scores`

Scores = dict[str, list[float | None]]
"""Name of a score -> one value per clip; None where the clip has none."""


@dataclass(frozen=True)
class Heading:
    """How a score is shown.

    Attributes:
        text: its name, with the unit if it has one.
        better: which way is better.
        digits: after the point.
    """

    text: str
    better: Literal["lower", "higher"]
    digits: int


HEADINGS: dict[str, Heading] = {
    "log_mel_l1": Heading("log-Mel L1, nats", "lower", 3),
    "stft": Heading("multi-resolution STFT distance", "lower", 3),
    "pesq": Heading("PESQ wideband", "higher", 2),
    "stoi": Heading("STOI", "higher", 3),
    "dnsmos_ovrl": Heading("DNSMOS OVRL", "higher", 2),
    "dnsmos_sig": Heading("DNSMOS SIG", "higher", 2),
    "dnsmos_bak": Heading("DNSMOS BAK", "higher", 2),
    "dnsmos_p808": Heading("DNSMOS P.808", "higher", 2),
    "distillmos": Heading("DistillMOS", "higher", 2),
}


@dataclass(frozen=True)
class Measure:
    """One or several scores of a clip.

    Attributes:
        name: of the measure.
        scores: keys of `HEADINGS`.
        settings: all that a score depends on besides the audio, ready for JSON.
        intrusive: whether it compares a clip with its original.
        function: (original or None, audio), both (N,) at 16 kHz -> a value for each score. It
            raises `Unmeasurable` for a clip that has none.
    """

    name: str
    scores: tuple[str, ...]
    settings: Mapping[str, object]
    intrusive: bool
    function: Callable[[Audio | None, Audio], Mapping[str, float]]


def all_measures(settings: MelSettings | None = None) -> list[Measure]:
    """Every measure, distances first.

    Args:
        settings: of the log-Mels that are compared; `MelSettings()` if None.

    Raises:
        ImportError: a package is not installed; nothing has been computed then.
    """
    front_end = LogMel(settings)
    silence = np.zeros(16_000, dtype=np.float32)
    for distance in (pesq_wb, stoi):  # the packages are imported when first used
        try:
            distance(silence, silence)
        except Unmeasurable:
            continue
    return [
        _distance(
            "log_mel_l1",
            partial(log_mel_l1, front_end=front_end),
            {"mel": front_end.settings.hash},
        ),
        _distance(
            "stft",
            multi_resolution_stft,
            {"resolutions": RESOLUTIONS, "least_power": LEAST_POWER},
        ),
        _distance("pesq", pesq_wb, {"pesq": version("pesq"), "mode": "wb"}),
        _distance("stoi", stoi, {"pystoi": version("pystoi"), "extended": False}),
        *(_prediction(name, make()) for name, make in PREDICTORS.items()),
    ]


def _distance(
    name: str, function: Callable[[Audio, Audio], float], settings: Mapping[str, object]
) -> Measure:
    def score(original: Audio | None, audio: Audio) -> dict[str, float]:
        if original is None:
            raise ValueError(f"{name} needs the original")
        return {name: function(original, audio)}

    return Measure(name, (name,), settings, True, score)


def _prediction(name: str, predictor: QualityPredictor) -> Measure:
    def score(original: Audio | None, audio: Audio) -> dict[str, float]:
        return predictor(audio)

    return Measure(name, predictor.scores, predictor.settings, False, score)


def scores_of(
    measure: Measure,
    clips: Sequence[Audio],
    originals: Sequence[Audio] | None,
    cache_dir: Path,
    progress: bool = True,
    description: str = "measuring",
) -> Scores:
    """The scores of B clips, with a progress bar.

    Kept in `cache_dir`, by the samples of the clips (of the originals too where they matter) and
    the settings of the measure: the same sounds are not measured twice, whatever made them.

    Args:
        measure: gives one or several scores.
        clips: B clips (N,).
        originals: those of the clips, in the same order; not looked at unless the measure is
            intrusive.
        cache_dir: gets one small JSON file.
        progress: show the bar while computing.
        description: what stands before the bar.

    Raises:
        ValueError: the originals are missing or not as many, or a clip cannot be used.
    """
    if not measure.intrusive:
        originals = None
    elif originals is None or len(originals) != len(clips):
        raise ValueError(f"{measure.name} needs one original for each of {len(clips)} clips")
    settings = {"measure": measure.name, **measure.settings, "clips": content_hash(clips)}
    if originals is not None:
        settings["originals"] = content_hash(originals)
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_dir / f"{measure.name}-{key}.json"
    if path.is_file():
        _log.info("%s: read from %s", description, path)
        kept: Scores = json.loads(path.read_text(encoding="utf-8"))["scores"]
        return kept
    found: Scores = {name: [] for name in measure.scores}
    for index in tqdm(range(len(clips)), desc=description, unit="clip", disable=not progress):
        original = None if originals is None else originals[index]
        try:
            values: Mapping[str, float | None] = measure.function(original, clips[index])
        except Unmeasurable:
            values = dict.fromkeys(measure.scores)
        for name, row in found.items():
            row.append(values[name])
    write_json(path, {"settings": settings, "scores": found})
    return found


def content_hash(clips: Sequence[Audio]) -> str:
    """Sixty-four hex digits that change with any sample, and with the bounds between clips."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(f"{len(clip)} ".encode())
        digest.update(np.ascontiguousarray(clip, dtype="<f4").tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Row:
    """One score of several systems, on the clips that have it in every one of them.

    Attributes:
        score: a key of `HEADINGS`.
        means: system -> its mean, with the 95 % interval. Clips count as independent; several of
            one speaker make it a little too narrow.
        left_out: positions of the clips that one system or another has no value for, ascending.
    """

    score: str
    means: Mapping[str, Interval]
    left_out: tuple[int, ...]


def rows_of_scores(systems: Mapping[str, Scores]) -> list[Row]:
    """One row for each score, in the order of the first system; None is left out for all alike.

    The same clips are drawn for every system, so that their intervals can be compared.

    Args:
        systems: name -> scores of the same clips in the same order.

    Raises:
        ValueError: the systems differ in their scores or numbers of clips, or no clip is left.
    """
    rows = []
    first = next(iter(systems.values()))
    for score in first:
        if any(scores.keys() != first.keys() for scores in systems.values()):
            raise ValueError("the systems have different scores")
        together = list(zip(*(scores[score] for scores in systems.values()), strict=True))
        left_out = tuple(k for k, values in enumerate(together) if None in values)
        kept = [
            [value for value in values if value is not None]
            for values in together
            if None not in values
        ]
        if not kept:
            raise ValueError(f"no clip has a value of {HEADINGS[score].text} in every system")
        columns = zip(*kept, strict=True)
        means = {
            name: bootstrap_interval(np.mean, column, resamples=RESAMPLES, seed=SEED)
            for name, column in zip(systems, columns, strict=True)
        }
        rows.append(Row(score, means, left_out))
    return rows
