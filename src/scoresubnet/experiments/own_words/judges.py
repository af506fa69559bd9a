"""Who says what word a clip is, and what they hear in real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation.judges.intelligibility import RATE, WordRecogniser
from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
from scoresubnet.expansion.judge import RecordingsJudge
from scoresubnet.experiments.own_words.words import Language, log_mels
from scoresubnet.files import write_json
from scoresubnet.vocoders import load_vocoder

Hear = Callable[[Sequence[Audio]], Sequence[str | None]]
Shares = dict[str, float | None]
"""Word -> share of its clips; None where there are none."""
OURS, SPEECH_EMBEDDING, POCKETSPHINX = "evaluator", "speech embedding", "pocketsphinx"


def judges(language: Language, data: Path) -> dict[str, Hear]:
    """By name.

    - The evaluator was trained on all training clips of its language, those of the experiment as
      well, and chooses among more words.
    - A logistic regression on Google's speech embedding, fitted to validation clips.
    - pocketsphinx, where it knows the words.
    """
    evaluator = WordEvaluator.from_pretrained(language.evaluator)

    def by_evaluator(clips: Sequence[Audio]) -> Sequence[str]:
        probabilities = evaluator(clips).probabilities
        assert probabilities is not None
        return [evaluator.labels[k] for k in probabilities.argmax(1)]

    own, samples = language.clips(data, "validation"), MelSettings().clip_samples
    sounds = [fit_length(read_audio(clip.path), samples) for clip in own]
    embedding = RecordingsJudge(sounds, [clip.label for clip in own])

    def by_embedding(clips: Sequence[Audio]) -> Sequence[str]:
        return [embedding.words[k] for k in embedding(clips).argmax(1)]

    found: dict[str, Hear] = {OURS: by_evaluator, SPEECH_EMBEDDING: by_embedding}
    if language.heard:
        recogniser = WordRecogniser(language.words)
        found[POCKETSPHINX] = lambda clips: [recogniser.recognise(clip, RATE) for clip in clips]
    return found


def shares(hear: Hear, clips: Mapping[str, Sequence[Audio]]) -> Shares:
    """What is heard as asked for, of the clips of each word."""
    return {
        word: float(np.mean([heard == word for heard in hear(own)])) if own else None
        for word, own in clips.items()
    }


def shares_of_real(
    language: Language, data: Path, most: int, hears: Mapping[str, Hear], path: Path
) -> dict[str, Shares]:
    """What each judge hears right of testing clips through log-Mel and vocoder.

    Args:
        language: their words.
        data: folder of the corpora.
        most: clips of each word, from all of those evenly.
        hears: the judges.
        path: where it is kept, as it is the same for all cells.
    """
    if not path.exists():
        testing, mel = language.clips(data, "testing"), MelSettings()
        vocoder, clips = load_vocoder("pitch", mel), {}
        for word in language.words:
            paths = evenly([clip.path for clip in testing if clip.label == word], most)
            clips[word] = list(vocoder(log_mels(paths, mel).numpy()))
        write_json(path, {judge: shares(hear, clips) for judge, hear in hears.items()})
    found: dict[str, Shares] = json.loads(path.read_text(encoding="utf-8"))
    return found


def evenly(paths: Sequence[Path], most: int) -> list[Path]:
    """So many of them, at most, from the first to the last."""
    if len(paths) <= most:
        return list(paths)
    return [paths[k] for k in np.linspace(0, len(paths) - 1, most).round().astype(int)]
