"""Turn the evaluator of a finished run into the shipped one: its accuracy measured and noted.

file=src/scoresubnet/pretrained/evaluators/words18.safetensors
python tools/ship_evaluator.py runs/evaluator ../shared/data/speech_commands $file
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from scoresubnet.audio.io import read_audio
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
from scoresubnet.evaluation.statistics.shares import Share, mean_share, shares_by_label
from scoresubnet.word_evaluator.file import EvaluatorFile, read_evaluator, save_evaluator

NOTES = {
    "data": (
        "training splits of Google Speech Commands (Warden 2018, CC BY 4.0; 18 words, the clips "
        "at hand) and of the Free Spoken Digit Dataset (Zenodo, CC BY-SA 4.0)"
    ),
    "teacher": "encoder of Moonshine tiny (Jeffries et al. 2024, arXiv 2410.15608; MIT licence)",
    "licence": "MIT; the recordings behind it: CC BY 4.0 and CC BY-SA 4.0",
    "recipe": (
        "config words18-taught-evaluator, started from a run of 2,500 steps of the same network "
        "on the same lessons, with labels in place of the teacher's answers"
    ),
}


def main(run: str, recordings: str, path: str) -> None:
    evaluator = read_evaluator(run)
    evaluator.notes = NOTES
    save_evaluator(evaluator, path)
    shipped = read_evaluator(path)  # in float16, which is what is measured
    shares = accuracy(shipped, Path(recordings))
    overall = Share(sum(s.right for s in shares.values()), sum(s.total for s in shares.values()))
    low, high = overall.interval
    shipped.notes = NOTES | {
        "accuracy": (
            f"{100 * overall.value:.1f} % ({overall.right} of {overall.total}; 95 % interval "
            f"{100 * low:.1f} to {100 * high:.1f}) of the Speech Commands testing list, "
            f"{len(shares)} words"
        )
    }
    save_evaluator(shipped, path)
    for label, share in shares.items():
        print(f"{label}: {share.right}/{share.total}")
    print(shipped.notes["accuracy"], f"mean over words {100 * mean_share(shares):.1f} %", sep="; ")


def accuracy(evaluator: EvaluatorFile, recordings: Path) -> dict[str, Share]:
    """How many testing clips of each word are heard as it."""
    clips = find_speech_commands(recordings, evaluator.labels)
    clips = [clip for clip in clips if clip.split == "testing"]
    judge = WordEvaluator(evaluator)
    heard = judge([read_audio(clip.path, evaluator.mel.sample_rate) for clip in clips], True)
    assert heard.probabilities is not None
    right = [
        evaluator.labels[k] == clip.label
        for k, clip in zip(np.argmax(heard.probabilities, axis=1), clips, strict=True)
    ]
    return shares_by_label([clip.label for clip in clips], right)


if __name__ == "__main__":
    main(*sys.argv[1:])
