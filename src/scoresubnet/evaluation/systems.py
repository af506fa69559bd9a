"""The rows of a report: what was generated, and references whose order is known beforehand."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from scoresubnet.audio.io import Audio, read_audio, write_wav
from scoresubnet.evaluation.clip_sets import SAMPLES, ClipFile, ClipSet
from scoresubnet.evaluation.judges.waveforms import RATE
from scoresubnet.evaluation.measures import content_hash
from scoresubnet.vocoders import Vocoder, resynthesise

TITLES = {
    "generated": "generated",
    "real": "real test clips",
    "vocoded": "real, through log-Mel and vocoder",
    "training": "training clips",
    "noise": "Gaussian noise",
    "silence": "silence",
}
NOISE_LEVEL = 0.1  # standard deviation of the noise: -20 dB of full scale


@dataclass(frozen=True)
class System:
    """One row.

    Attributes:
        name: a key of `TITLES`.
        clips: (16000,) each, in an order in which any first N are nearly even in labels.
        labels: the word that each should be; None if they have none.
        names: of the files; None if there are none.
    """

    name: str
    clips: list[Audio]
    labels: tuple[str, ...] | None
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Systems:
    """All rows, and the real clips that sets are compared with.

    Attributes:
        rows: by name, in the order of `TITLES`; "training" may be missing.
        reference: real test clips of which none is in a row.
        equal: so many clips of each row and of the reference are compared as sets, since such
            figures depend on the number.
    """

    rows: dict[str, System]
    reference: list[Audio]

    @property
    def equal(self) -> int:
        """The least of the numbers of reference, real and generated clips."""
        rows = (self.rows["real"], self.rows["generated"])
        return min(len(self.reference), *(len(row.clips) for row in rows))


def reference_rows(
    generated: ClipSet,
    real: ClipSet,
    reference: ClipSet,
    training: ClipSet,
    vocoder: Vocoder,
    cache_dir: Path,
    seed: int,
    progress: bool = True,
) -> Systems:
    """Put the rows together; there are as many clips of noise and of silence as real ones.

    Args:
        generated: what is evaluated.
        real: test clips.
        reference: other test clips.
        training: training clips; no row if there are fewer than two.
        vocoder: for the third row.
        cache_dir: gets the vocoded clips.
        seed: of the noise.
        progress: show progress bars.
    """
    labels = sorted({file.label for file in real.files if file.label is not None})
    count = len(real.clips)
    cycle = tuple(itertools.islice(itertools.cycle(labels), count)) if labels else None
    vocoded = through_vocoder(real.clips, vocoder, cache_dir, progress)
    rows = [
        _row("generated", generated),
        _row("real", real),
        System("vocoded", vocoded, _labels(real)),
        *([_row("training", training)] if len(training.clips) > 1 else []),
        System("noise", noise_clips(count, seed), cycle),
        System("silence", [np.zeros(SAMPLES, dtype=np.float32)] * count, cycle),
    ]
    return Systems({row.name: row for row in rows}, reference.clips)


def _row(name: str, found: ClipSet) -> System:
    return System(name, found.clips, _labels(found), tuple(map(file_name, found.files)))


def file_name(file: ClipFile) -> str:
    """`<label>/<name>`, or the name alone."""
    return f"{file.label}/{file.path.name}" if file.label else file.path.name


def _labels(found: ClipSet) -> tuple[str, ...] | None:
    labels = tuple(file.label for file in found.files if file.label is not None)
    return labels if len(labels) == len(found.files) else None


def noise_clips(count: int, seed: int) -> list[Audio]:
    """White Gaussian noise (16000,), clip k drawn from (seed, k) alone."""
    drawn = (np.random.default_rng([seed, k]).standard_normal(SAMPLES) for k in range(count))
    return [np.clip(NOISE_LEVEL * x, -1, 1).astype(np.float32) for x in drawn]


def through_vocoder(
    clips: Sequence[Audio], vocoder: Vocoder, cache_dir: Path, progress: bool = True
) -> list[Audio]:
    """Clips (16000,) to log-Mel and back, as 16-bit files in `<cache_dir>/vocoded-<hash>`.

    Raises:
        ValueError: the vocoder has another sample rate.
    """
    if vocoder.mel.sample_rate != RATE:
        raise ValueError(f"the vocoder makes {vocoder.mel.sample_rate} Hz; need {RATE} Hz")
    key = hashlib.sha256(json.dumps(vocoder_settings(vocoder)).encode()).hexdigest()[:16]
    paths = [cache_dir / f"vocoded-{key}" / f"{content_hash([clip])}.wav" for clip in clips]
    missing = {p: clip for p, clip in zip(paths, clips, strict=True) if not p.is_file()}
    description = f"vocoding, {vocoder.name}"
    for path, clip in tqdm(
        missing.items(), desc=description, unit="clip", disable=not progress or not missing
    ):
        with torch.no_grad():
            write_wav(path, resynthesise(torch.from_numpy(clip), vocoder).numpy(), RATE)
    return [read_audio(path, RATE) for path in paths]


def vocoder_settings(vocoder: Vocoder) -> dict[str, object]:
    """What its sound depends on, ready for JSON."""
    return vocoder.settings
