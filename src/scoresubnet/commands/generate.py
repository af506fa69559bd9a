"""`scoresubnet generate`: labels in, wav files and a picture out."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from tqdm import tqdm

from scoresubnet.backends import precision_of
from scoresubnet.files import file_hash, refuse_unwritable
from scoresubnet.generated_speech import GeneratedSpeech, joined
from scoresubnet.jobs.clip_job import BATCH, ClipJob, ClipRow, none_written, save_wavs
from scoresubnet.jobs.parts import Part
from scoresubnet.model_about import find_weights
from scoresubnet.pictures import MOST_PANELS, save_clip, save_grid
from scoresubnet.pipeline import SpeechGenerator, towards_of
from scoresubnet.sampling import SETTINGS, Sampling, preset_name

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
    part = Part.read(values.part)
    refuse_unwritable(out)
    if values.part is not None or ClipJob.is_in(out):
        wanted = list(zip(labels, seeds, strict=True))
        job = ClipJob(out, part, wanted, _about(values, generator, sampling, towards))
        _run_part(job, values, generator, sampling, towards)
        return

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
            rows, failed = save_wavs(speech, out, single)
            clips += [_saved(row, out) for row in rows]
            left_out += failed
            if not rows:
                raise OSError(none_written(len(clips), failed))
            if sum(len(batch.labels) for batch in shown) < MOST_PANELS:
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
    settings = _settings(values, generator, sampling, towards)
    if _told(values.json, seconds, picture, settings, clips, left_out):
        return
    for clip in clips:
        if clip.heard is None or clip.confidence is None:
            print(clip.wav)
        else:
            print(f"{clip.wav}  the classifier hears {clip.heard!r} ({clip.confidence:.0%})")
    if picture:
        print(picture)
    print(f"{seconds:.2f} s for {len(labels)} clip{'s' if len(labels) > 1 else ''}")


def _about(
    values: Namespace,
    generator: SpeechGenerator,
    sampling: Sampling,
    towards: tuple[int, float] | None,
) -> dict[str, Any]:
    """All that the clips of a job depend on, but for their labels and seeds."""
    guide = values.classifier
    return {
        "weights": file_hash(find_weights(values.weights))[:16],
        "classifier": None if guide is None else file_hash(find_weights(guide))[:16],
        "sampling": sampling.to_dict(),
        "vocoder": dict(generator.vocoder.settings),
        "towards": towards,
        "precision": precision_of(generator.backend),
    }


def _run_part(
    job: ClipJob,
    values: Namespace,
    generator: SpeechGenerator,
    sampling: Sampling,
    towards: tuple[int, float] | None,
) -> None:
    """Make what is missing of a part, or of a whole job, and draw nothing.

    Raises:
        ValueError: the folder has clips of another job, or another process is at this part.
        OSError: nothing can be written.
    """
    generator.batch_size = BATCH

    def generate(labels: list[str], seeds: list[int]) -> GeneratedSpeech:
        return generator.generate(labels, seeds, sampling, towards=towards)

    start = time.perf_counter()
    rows = job.run(generate, progress=not values.json)
    seconds = time.perf_counter() - start
    settings = _settings(values, generator, sampling, towards)
    clips = [_saved(row, job.out) for row in rows] if values.json else []  # there may be a million
    if not _told(values.json, seconds, None, settings, clips, job.left_out):
        path = job.table().path
        print(f"{len(rows):,} clips are there, after {seconds:.2f} s; their table is {path}")


def _settings(
    values: Namespace,
    generator: SpeechGenerator,
    sampling: Sampling,
    towards: tuple[int, float] | None,
) -> dict[str, Any]:
    """What was asked for, as `--json` prints it."""
    settings = {"preset": values.sampling or preset_name(generator.sampling), **sampling.to_dict()}
    settings |= {key: values[key] for key in ("vocoder", "weights", "classifier")}
    return settings | {"backend": generator.backend, "towards": towards}


def _told(
    as_json: bool,
    seconds: float,
    picture: str | None,
    settings: dict[str, Any],
    clips: list[SavedClip],
    left_out: list[str],
) -> bool:
    """Say what was left out, and print the rest as JSON if that was asked for: whether it was."""
    for reason in left_out:
        print(f"left out: {reason}", file=sys.stderr)
    if not as_json:
        return False
    report = {"seconds": round(seconds, 3), "picture": picture}
    made = {"clips": [asdict(clip) for clip in clips], "left_out": left_out}
    print(json.dumps({**report, **settings, **made}, indent=1))
    return True


def _saved(row: ClipRow, out: Path) -> SavedClip:
    return SavedClip(row.label, row.seed, str(out / row.file), row.heard, row.confidence)


def _title(labels: list[str]) -> str:
    return " ".join(labels) if len(labels) <= 3 else f"{len(labels)} words"
