"""Lessons for the evaluator: varied training clips, and what a speech recogniser makes of them.

    pip download --no-deps moonshine-voice==0.0.65   # a zip that holds the folder tiny-en
    python -m recipes.lessons --data ../shared/data \
        --teacher moonshine_voice/assets/tiny-en --out runs/lessons

Five hundred recordings of a word are few. The encoder of a recogniser that has heard hundreds of
thousands of hours (Jeffries et al. 2024, arXiv 2410.15608, "Moonshine"; tiny, English, MIT licence)
says of any sound what is spoken in it, and when; `train evaluator` with `lessons: runs/lessons`
teaches the evaluator to say the same (Hinton et al. 2015, arXiv 1503.02531; Romero et al. 2015,
arXiv 1412.6550). Its testing clips are not used.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import soxr
import torch
from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveInt
from tqdm import tqdm

from recipes.answers import answers
from scoresubnet.audio import SAMPLE_RATE as RATE
from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.audio.mel import LogMel
from scoresubnet.data.clips import Clip
from scoresubnet.data.sources import find_clips
from scoresubnet.data.words import resolve_words
from scoresubnet.training.lessons import SEGMENTS, Lessons, save_lessons
from scoresubnet.word_evaluator.file import FRONT_END

ENCODER = "encoder_model.ort"
_AROUND = 2_400  # samples of silence on either side of what the teacher hears


class Teacher:
    """The encoder of Moonshine tiny in the ONNX form of the package `moonshine-voice`.

    Args:
        folder: holds `ENCODER`.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(Path(folder) / ENCODER), options)

    def __call__(self, audio: Audio) -> Audio:
        """Means over `SEGMENTS` equal spans of a second: (16,000,) -> (SEGMENTS, 288)."""
        loud = 0.7 * audio / max(1e-4, float(np.abs(audio).max()))
        padded = np.pad(loud, _AROUND).astype(np.float32)[None]
        there = np.ones(padded.shape, np.int64)
        (frames,) = self.session.run(None, {"input_values": padded, "attention_mask": there})
        ends = np.linspace(_AROUND, _AROUND + RATE, SEGMENTS + 1) / padded.shape[1]
        edges = np.round(ends * frames.shape[1]).astype(int)
        spans = [frames[0, a:b].mean(0) for a, b in pairwise(edges)]
        return np.stack(spans)


def varied(audio: Audio, other: Audio, random: np.random.Generator) -> tuple[Audio, bool]:
    """A variation of a second of audio (16,000,), and whether its word is still the whole of it.

    Other speed and pitch, moved, in noise, over another clip, or with its end cut off and
    continued by that of another clip. Less than 6 dB above the other clip, it is not the whole.
    """
    speed = random.uniform(0.85, 1.18)
    audio = fit_length(soxr.resample(audio, RATE * speed, RATE).astype(np.float32), RATE)
    audio = _moved(audio, random)
    whole = True
    kind = random.random()
    if kind < 0.25:
        decibels = random.uniform(0, 20)
        level = _rms(audio) / max(_rms(other), 1e-4) * 10 ** (-decibels / 20)
        audio = audio + level * _moved(other, random)
        whole = decibels >= 6
    elif kind < 0.45:
        cut = int(random.uniform(0.25, 0.75) * RATE)
        audio = np.concatenate([audio[:cut], _moved(other, random)[cut:]])
        whole = False
    if random.random() < 0.4:
        noise = random.standard_normal(RATE).astype(np.float32)
        if random.random() < 0.5:  # towards pink: white noise, smoothed
            noise = noise + np.float32(4) * np.convolve(
                noise, np.full(8, 1 / 8, np.float32), "same"
            )
        noise *= _rms(audio) / _rms(noise) * 10 ** (-random.uniform(0, 30) / 20)
        audio = audio + noise
    return (audio / max(1.0, float(np.abs(audio).max()))).astype(np.float32), whole


def _moved(audio: Audio, random: np.random.Generator) -> Audio:
    by = int(random.integers(-1_600, 1_601))
    return np.pad(audio, abs(by))[abs(by) - by :][:RATE]


def _rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(np.square(audio)) + 1e-12))


_TEACHER: Teacher
_FRONT_END: LogMel  # both of a worker process, set by `_begin`


def lesson(
    item: tuple[int, int, int], clips: Sequence[Clip], seed: int
) -> tuple[Audio, Audio, bool]:
    """x (64, 101), the teacher's targets and `whole`, of (row, row of the other, variation)."""
    row, other, variation = item
    audio = fit_length(read_audio(clips[row].path, RATE), RATE)
    whole = True
    if variation:  # the first lesson of a clip is the clip as it is
        random = np.random.default_rng((seed, row, variation))
        audio, whole = varied(audio, fit_length(read_audio(clips[other].path, RATE), RATE), random)
    x = _FRONT_END(torch.from_numpy(audio))[0, 0].numpy()
    return x.astype(np.float16), _TEACHER(audio).astype(np.float16), whole


def _begin(folder: str) -> None:
    global _TEACHER, _FRONT_END
    torch.set_num_threads(1)
    _TEACHER, _FRONT_END = Teacher(folder), LogMel(FRONT_END)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        description="Lessons of a speech recogniser for the evaluator. The teacher is the folder "
        "moonshine_voice/assets/tiny-en of the package moonshine-voice 0.0.65 (pip download)."
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="holds speech_commands/ and fsdd/")
    add("--teacher", type=Path, required=True, help=f"folder with {ENCODER}")
    add("--out", type=Path, required=True, help="folder for lessons.safetensors")
    add("--variations", type=PositiveInt, default=6, help="of each clip of Speech Commands")
    add("--fsdd-variations", type=PositiveInt, default=2, help="of each clip of FSDD")
    add("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if not (given.teacher / ENCODER).is_file():
        parser.error(
            f"--teacher {given.teacher}: no {ENCODER} there; unpack tiny-en of moonshine-voice, "
            "see --help"
        )

    words = resolve_words("WORDS18")
    sources = [
        {"kind": "speech_commands", "root": given.data / "speech_commands", "words": "WORDS18"},
        {"kind": "fsdd", "root": given.data / "fsdd", "words": "SC09"},
    ]
    clips = [clip for clip in find_clips(sources) if clip.split == "training"]
    random = np.random.default_rng(given.seed)
    variations = {"speech_commands": given.variations, "fsdd": given.fsdd_variations}
    items = [
        (row, int(random.integers(len(clips))), variation)
        for row, clip in enumerate(clips)
        for variation in range(variations[clip.source])
    ]
    context = multiprocessing.get_context("spawn")
    work = partial(lesson, clips=clips, seed=given.seed)
    with context.Pool(os.cpu_count(), _begin, (str(given.teacher),)) as pool:
        made = list(tqdm(pool.imap(work, items, chunksize=64), "lessons", len(items)))
    targets = torch.from_numpy(np.stack([m[1] for m in made]))
    labels = torch.tensor([words.index(clips[row].label) for row, _, _ in items])
    whole = torch.tensor([m[2] for m in made])
    second = random.random(len(clips)) < 0.5
    half = torch.tensor([bool(second[row]) for row, _, _ in items])
    lessons = Lessons(
        x=torch.from_numpy(np.stack([m[0] for m in made])),
        targets=targets,
        answers=answers(targets, labels, whole, half, len(words), seed=given.seed).half(),
        labels=labels,
        whole=whole,
        words=words,
        mel=FRONT_END,
    )
    print(save_lessons(lessons, given.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
