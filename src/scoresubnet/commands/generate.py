"""`scoresubnet generate`: labels in, wav files and a picture out."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from jsonargparse import Namespace
from tqdm import tqdm

from scoresubnet.audio.io import write_wav
from scoresubnet.files import refuse_unwritable
from scoresubnet.pictures import MOST_PANELS, save_clip, save_grid
from scoresubnet.pipeline import GeneratedSpeech, SpeechGenerator, joined, towards_of
from scoresubnet.sampling import SETTINGS, preset_name

MOST_COUNT = 1_000_000


@dataclass(frozen=True)
class SavedClip:
    """One generated file, as `--json` prints it."""

    label: str
    seed: int
    wav: str
    heard: str | None
    confidence: float | None


def run(values: Namespace) -> None:
    """Generate, save and report. Files that cannot be written are named and left out.

    Raises:
        ValueError: a label, number, name, vocoder or weights cannot be used.
        OSError: the output folder, or none of the sounds, can be written.
    """
    if not 1 <= values.count <= MOST_COUNT:
        raise ValueError(f"count {values.count} is out of range; it lies in 1 to {MOST_COUNT}")
    out = Path(values.out)
    generator = SpeechGenerator.from_pretrained(
        values.weights,
        values.vocoder,
        device=None,
        classifier=values.classifier,
        backend=values.backend,
    )
    # Each once: a repeated one would be the same file.
    words = list(dict.fromkeys(map(generator.label_of, values.labels)))
    labels = [label for label in words for _ in range(values.count)]
    seeds = [values.seed + k for _ in words for k in range(values.count)]
    overrides = {name: values[name] for name in SETTINGS}
    sampling = generator.check(labels, seeds, values.sampling, **overrides)
    towards = towards_of(values.towards, values.share)
    refuse_unwritable(out)

    start = time.perf_counter()
    clips: list[SavedClip] = []
    left_out: list[str] = []
    shown: list[GeneratedSpeech] = []
    single = len(labels) == 1
    with tqdm(unit="step", desc=_title(words), disable=values.json) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        for speech in generator.stream(labels, seeds, sampling, progress, towards):
            saved, failed = save_wavs(speech, out, single)
            clips += saved
            left_out += failed
            if not saved:
                raise OSError(_none_written(len(clips), failed))
            if sum(len(part.labels) for part in shown) < MOST_PANELS:
                shown.append(speech)
    seconds = time.perf_counter() - start

    path = out / (f"{labels[0]}.png" if single else "words.png")
    picture = None
    try:
        if single:
            save_clip(shown[0], generator.mel, path)
        else:
            save_grid(joined(shown), generator.mel, path, len(labels))
        picture = str(path)
    except OSError as error:
        left_out.append(str(error))
    for reason in left_out:
        print(f"left out: {reason}", file=sys.stderr)
    if values.json:
        preset = values.sampling or preset_name(generator.sampling)
        settings = {"preset": preset, **sampling.to_dict()}
        settings |= {key: values[key] for key in ("vocoder", "weights", "classifier")}
        settings |= {"backend": generator.backend, "towards": towards}
        report = {"seconds": round(seconds, 3), "picture": picture}
        made = {"clips": [asdict(clip) for clip in clips], "left_out": left_out}
        print(json.dumps({**report, **settings, **made}, indent=1))
        return
    for clip in clips:
        if clip.heard is None or clip.confidence is None:
            print(clip.wav)
        else:
            print(f"{clip.wav}  the classifier hears {clip.heard!r} ({clip.confidence:.0%})")
    if picture:
        print(picture)
    print(f"{seconds:.2f} s for {len(labels)} clip{'s' if len(labels) > 1 else ''}")


def save_wavs(
    speech: GeneratedSpeech, out: Path, single: bool
) -> tuple[list[SavedClip], list[str]]:
    """`out/<label>.wav` for a single clip, `out/<label>-<seed>.wav` for several; 16-bit PCM.

    Returns:
        What was saved, and why the rest could not be written.
    """
    clips, left_out = [], []
    for k, (label, seed) in enumerate(zip(speech.labels, speech.seeds, strict=True)):
        path = out / (f"{label}.wav" if single else f"{label}-{seed}.wav")
        try:
            write_wav(path, speech.audio[k], speech.rate)
        except OSError as error:
            left_out.append(str(error))
            continue
        heard = speech.heard[k] if speech.heard else None
        confidence = round(float(speech.confidence[k]), 4) if speech.heard else None
        clips.append(SavedClip(label, seed, str(path), heard, confidence))
    return clips, left_out


def _none_written(before: int, failed: list[str]) -> str:
    """Why the command ends: a whole batch could not be written, nor would the next."""
    none = f"none of {len(failed)} sounds was written: " if len(failed) > 1 else ""
    return f"{f'{before} sounds are written, then ' if before else ''}{none}{failed[0]}"


def _title(labels: list[str]) -> str:
    return " ".join(labels) if len(labels) <= 3 else f"{len(labels)} words"
