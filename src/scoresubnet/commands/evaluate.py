"""`scoresubnet evaluate`: clips or a generator in, figures with reference rows out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from matplotlib.figure import Figure

from scoresubnet.evaluation.clips import ClipSet, halves, in_turn, read_clips
from scoresubnet.evaluation.measures import content_hash
from scoresubnet.evaluation.plan import (
    LEAST,
    Folders,
    Plan,
    asked_labels,
    plan_for_clips,
    plan_for_generator,
)
from scoresubnet.evaluation.report.figures import bars_figure, confusion_figure, mel_grid
from scoresubnet.evaluation.report.html import html_page
from scoresubnet.evaluation.report.report import Report, assemble, callouts, markdown
from scoresubnet.evaluation.results import RESAMPLES
from scoresubnet.evaluation.results import SEED as BOOTSTRAP_SEED
from scoresubnet.evaluation.sampled import Sampler
from scoresubnet.evaluation.sections import prepare
from scoresubnet.evaluation.sections.common import Judging
from scoresubnet.evaluation.systems import Systems, reference_rows, vocoder_settings
from scoresubnet.experiments.card import versions
from scoresubnet.files import refuse_unwritable, write_json, write_text
from scoresubnet.sampling import SETTINGS
from scoresubnet.vocoders import Vocoder, load_vocoder

SEED = 0  # of the choice of reference clips, and of the noise
COUNT = 100  # clips that are sampled of each label
PACKAGES = (
    *("scoresubnet", "torch", "numpy", "soundfile", "soxr", "matplotlib", "pocketsphinx"),
    *("speechmos", "distillmos", "xls-r-sqa", "onnxruntime", "librosa", "livekit-wakeword"),
    *("resemblyzer", "webrtcvad-wheels", "ctranslate2", "tokenizers"),
)


def run(values: Namespace) -> None:
    """Evaluate, and write `report.json`, `report.md` and `report.html`.

    Raises:
        ValueError: an option, a folder or the weights cannot be used.
        OSError: a folder is missing, or the output cannot be written.
    """
    clock = Clock()
    refuse_contradictions(values)
    out = Path(values.out)
    sampler, plan = sampler_and_plan(values, out / "generated")
    vocoder = sampler.generator.vocoder if sampler else load_vocoder(values.vocoder)
    weights = [values[name] for name in ("evaluator", "sc09_resnext", "vggish", "whisper")]
    trained = plan.folders.training or plan.folders.reference
    judging = Judging(plan.words, out / "cache", plan.reference.training, trained, *weights)
    with clock("loading the judges"):
        ready, missing = prepare(judging)
    for name, why in missing.items():
        print(f"not measured: {name}: {why}", file=sys.stderr)
    refuse_unwritable(out)

    if sampler:
        with clock("sampling"):
            plan = replace(plan, generated=sampler.sample())
    with clock("reading and vocoding"):
        read = read_all(plan, values.reference_count)
        systems = rows_of(read, vocoder, out / "cache")
    sections = []
    for name, measure in ready.items():
        with clock(name):
            sections.append(measure(systems))

    made = sampler.about() if sampler else {"what": str(values.generated)}
    about = {
        "generated": made | {"labelled": systems.rows["generated"].labels is not None},
        "reference": {"what": values.reference, "training": values.training},
        **about_clips(plan, read, systems),
        "vocoder": vocoder_settings(vocoder),
        "seeds": {"choice": SEED, "noise": SEED, "bootstrap": BOOTSTRAP_SEED},
        "resamples": RESAMPLES,
        "threads": torch.get_num_threads(),
        "versions": versions(PACKAGES),
    }
    cost = sampler.cost() if sampler else None
    times = {"seconds": clock.seconds, **({"sampling": sampler.speed()} if sampler else {})}
    report = assemble(about, systems, sections, missing, cost, times)
    write_report(report, systems, out)
    for line in (*callouts(report), *(f"not measured: {k}: {why}" for k, why in missing.items())):
        print(line)
    for name in ("report.md", "report.json", "report.html"):
        print(out / name)


class Clock:
    """Keeps the seconds of named parts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def refuse_contradictions(values: Namespace) -> None:
    """Refuse options that would be ignored, and output among the input.

    Raises:
        ValueError: there are such.
    """
    if bool(values.generated) == bool(values.weights):
        raise ValueError(
            "give either a folder of generated clips, or --weights to sample a generator"
        )
    if values.reference_count < LEAST:
        raise ValueError(f"--reference-count {values.reference_count} is too few; need {LEAST}")
    if values.generated:
        names = ("count", "seed", "sampling", *SETTINGS)
        given = [f"--{name}" for name in names if values[name] is not None]
        if given:
            raise ValueError(f"{', '.join(given)} can be used with --weights only")
    elif values.count is not None and not 1 <= values.count <= 10_000:
        raise ValueError(f"count {values.count} is out of range; it lies between 1 and 10000")
    out = Path(values.out).resolve()
    for name in (values.generated, values.reference, values.training):
        if name and Path(name).resolve() in (out, *out.parents):
            raise ValueError(f"--out {values.out} lies in {name}, whose files are evaluated")


def sampler_and_plan(values: Namespace, folder: Path) -> tuple[Sampler | None, Plan]:
    """The generator, if one is given, and the files; `folder` is for the generator's clips.

    Raises:
        ValueError: an option, a folder or the weights cannot be used.
        FileNotFoundError: a folder is missing.
    """
    asked = asked_labels(values.labels)
    training = Path(values.training) if values.training else None
    if not values.weights:
        folders = Folders(Path(values.generated), Path(values.reference), training)
        return None, plan_for_clips(folders, asked)
    first = 0 if values.seed is None else values.seed
    count = COUNT if values.count is None else values.count
    options = {name: values[name] for name in ("sampling", *SETTINGS)}
    seeds = range(first, first + count)
    sampler = Sampler(values.weights, values.vocoder, asked, seeds, options, folder)
    folders = Folders(folder, Path(values.reference), training)
    return sampler, plan_for_generator(folders, sampler.labels, sampler.generator.labels)


def read_all(plan: Plan, most: int) -> dict[str, ClipSet]:
    """The clips of each row, at most so many of each row of real ones; what is left out is named.

    Raises:
        ValueError: too few files can be read.
    """
    folders = plan.folders
    reference, real = halves(plan.reference.testing, SEED)
    training = in_turn(plan.reference.training, SEED)
    wanted = {
        "generated": (in_turn(plan.generated, SEED), folders.generated),
        "real": (real[:most], folders.reference),
        "reference": (reference[:most], folders.reference),
        "training": (training[:most], folders.training or folders.reference),
    }
    read = {}
    for name, (files, folder) in wanted.items():
        read[name] = found = read_clips(files, folder, f"reading, {name}")
        for item in found.left_out:
            print(f"left out: {name}: {item.file}: {item.reason}", file=sys.stderr)
        if name != "training" and len(found.clips) < LEAST:
            raise ValueError(
                f"{folder}: only {len(found.clips)} of {len(files)} sound files can be read; need "
                f"at least {LEAST}"
            )
    return read


def rows_of(read: dict[str, ClipSet], vocoder: Vocoder, cache: Path) -> Systems:
    """All rows of the report."""
    names = ("generated", "real", "reference", "training")
    generated, real, reference, training = (read[name] for name in names)
    return reference_rows(generated, real, reference, training, vocoder, cache, SEED)


def about_clips(plan: Plan, read: dict[str, ClipSet], systems: Systems) -> dict[str, Any]:
    """Labels, what was left out, and hashes of all samples, ready for JSON."""
    left_out = {name: [asdict(item) for item in found.left_out] for name, found in read.items()}
    hashes = {name: content_hash(row.clips) for name, row in systems.rows.items()}
    hashes["reference"] = content_hash(systems.reference)
    return {"labels": list(plan.words), "left_out": left_out, "sha256": hashes}


def write_report(report: Report, systems: Systems, out: Path) -> None:
    """Write the three files; each appears complete or not at all."""
    write_json(out / "report.json", report)
    write_text(out / "report.md", markdown(report))
    write_text(out / "report.html", html_page(report, pictures(report, systems)))


def pictures(report: Report, systems: Systems) -> dict[str, Figure]:
    """Heading -> picture, of what was measured."""
    found: dict[str, Figure] = {}
    bars = bars_figure(report)
    if bars is not None:
        found["Every metric beside the reference rows"] = bars
    for name, section in report["sections"].items():
        confusion = section["details"].get("confusion")
        if confusion and confusion["systems"]:
            found[f"What was heard: {section['title']}"] = confusion_figure(confusion, name)
    for name in ("generated", "vocoded"):
        title = report["systems"][name]["title"]
        found[f"Log-Mels: {title}"] = mel_grid(systems.rows[name])
    return found
