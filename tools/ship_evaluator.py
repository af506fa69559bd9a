"""Turn the evaluator of a finished run into a shipped one: its accuracy measured and noted.

file=src/scoresubnet/pretrained/evaluators/words18.safetensors
python tools/ship_evaluator.py runs/evaluator ../shared/data/speech_commands $file
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np

from scoresubnet.audio.io import read_audio
from scoresubnet.data.sources import SOURCES
from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
from scoresubnet.evaluation.statistics.intervals import wilson_interval
from scoresubnet.word_evaluator.file import EvaluatorFile, read_evaluator, save_evaluator

NOTES = {
    "words18": {
        "data": (
            "training splits of Google Speech Commands (Warden 2018, CC BY 4.0; 18 words, the "
            "clips at hand) and of the Free Spoken Digit Dataset (Zenodo, CC BY-SA 4.0)"
        ),
        "teacher": (
            "encoder of Moonshine tiny (Jeffries et al. 2024, arXiv 2410.15608; MIT licence)"
        ),
        "licence": "MIT; the recordings behind it: CC BY 4.0 and CC BY-SA 4.0",
        "recipe": (
            "config words18-taught-evaluator, started from a run of 2,500 steps of the same "
            "network on the same lessons, with labels in place of the teacher's answers"
        ),
    },
    "arabic16": {
        "data": (
            "training split of the Arabic Speech Commands Dataset (Ghandoura, Hjabo & Al Dakkak "
            "2021, CC BY 4.0; 16 words), started from the evaluator words18"
        ),
        "licence": (
            "MIT; the recordings behind it: CC BY 4.0, and those of words18, CC BY 4.0 and "
            "CC BY-SA 4.0"
        ),
        "recipe": "config arabic16-evaluator",
    },
}
TESTS = {
    "words18": ("speech_commands", "the Speech Commands testing list"),
    "arabic16": ("arabic_speech_commands", "the testing list of the Arabic Speech Commands"),
}
"""name -> kind of source of its testing clips, and what notes call them"""


def main(run: str, recordings: str, path: str) -> None:
    name = Path(path).stem
    if name not in NOTES:
        raise SystemExit(f"{path}: shipped evaluators are called {' or '.join(NOTES)}")
    evaluator = read_evaluator(run)
    evaluator.notes = NOTES[name]
    save_evaluator(evaluator, path)
    shipped = read_evaluator(path)  # in float16, which is what is measured
    kind, called = TESTS[name]
    counts = accuracy(shipped, kind, recordings)
    right, total = (sum(count[k] for count in counts.values()) for k in (0, 1))
    low, high = wilson_interval(right, total)
    shipped.notes = NOTES[name] | {
        "accuracy": (
            f"{100 * right / total:.1f} % ({right} of {total}; 95 % interval "
            f"{100 * low:.1f} to {100 * high:.1f}) of {called}, {len(counts)} words"
        )
    }
    save_evaluator(shipped, path)
    for label, (good, of) in counts.items():
        print(f"{label}: {good}/{of}")
    print(shipped.notes["accuracy"])


def accuracy(evaluator: EvaluatorFile, kind: str, recordings: str) -> dict[str, tuple[int, int]]:
    """Counts of the testing clips of each word that are heard as it, and of all."""
    clips = SOURCES[kind](recordings, evaluator.labels)
    clips = [clip for clip in clips if clip.split == "testing"]
    judge = WordEvaluator(evaluator)
    heard = judge([read_audio(clip.path, evaluator.mel.sample_rate) for clip in clips], True)
    assert heard.probabilities is not None
    words = [evaluator.labels[k] for k in np.argmax(heard.probabilities, axis=1)]
    labels = [clip.label for clip in clips]
    right = Counter(a for a, b in zip(labels, words, strict=True) if a == b)
    return {label: (right[label], total) for label, total in Counter(labels).items()}


if __name__ == "__main__":
    main(*sys.argv[1:])
