"""What the recogniser hears in real recordings: the yardstick for generated ones."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.data.clips import Clip, Split
from scoresubnet.evaluation.judges.intelligibility import (
    RATE,
    RecognitionResult,
    WordRecogniser,
    recognition,
)
from scoresubnet.files import write_json
from scoresubnet.vocoders import GriffinLim

_log = logging.getLogger(__name__)


def first_clips(clips: Sequence[Clip], split: Split, most: int) -> list[Clip]:
    """Of each label the first `most` clips of a split, in the order given."""
    taken: Counter[str] = Counter()
    chosen = []
    for clip in clips:
        if clip.split == split and taken[clip.label] < most:
            taken[clip.label] += 1
            chosen.append(clip)
    return chosen


def through_vocoder(audio: Audio, vocoder: GriffinLim) -> Audio:
    """The best that generated speech can sound like: audio (N,) -> log-Mel -> audio (16,000,)."""
    fitted = fit_length(audio, vocoder.mel.clip_samples)
    with torch.no_grad():
        restored: Audio = vocoder(vocoder.front_end(torch.from_numpy(fitted)))[0].numpy()
    return restored


def reference_recognition(
    recogniser: WordRecogniser,
    clips: Sequence[Clip],
    vocoder: GriffinLim | None,
    cache_dir: Path,
    progress: bool = True,
) -> RecognitionResult:
    """What is heard in recordings, untouched or after a pass through log-Mel and vocoder.

    Kept in `cache_dir`, by the names and sizes of the files, the settings of the recogniser, of the
    Mel front end and of the vocoder.

    Args:
        recogniser: knows every label.
        clips: recordings.
        vocoder: None leaves the recordings untouched.
        cache_dir: gets one small JSON file.
        progress: show a progress bar while computing.

    Raises:
        AudioError: a recording cannot be read.
        ValueError: the recogniser does not know a label, or the vocoder has another sample rate.
    """
    if vocoder is not None and vocoder.mel.sample_rate != RATE:
        raise ValueError(
            f"the vocoder makes {vocoder.mel.sample_rate} Hz, the recogniser wants {RATE}"
        )
    name = "untouched" if vocoder is None else vocoder.name
    labels = [clip.label for clip in clips]
    settings = {
        "recogniser": recogniser.settings,
        "vocoder": None if vocoder is None else vocoder.settings,
        "clips": [[clip.label, clip.path.name, clip.path.stat().st_size] for clip in clips],
    }
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    path = cache_dir / f"reference-{name}-{key}.json"
    if path.is_file():
        _log.info("reference %r: read from %s", name, path)
        heard = json.loads(path.read_text(encoding="utf-8"))["heard"]
        return RecognitionResult(tuple(labels), tuple(heard))

    def sounds() -> Iterator[Audio]:
        for clip in clips:
            audio = read_audio(clip.path, RATE)
            yield audio if vocoder is None else through_vocoder(audio, vocoder)

    result = recognition(recogniser, sounds(), labels, RATE, progress, f"recordings, {name}")
    write_json(path, settings | {"heard": result.heard})
    return result
