"""An evaluation from start to end: files found, clips sampled and read, judged, and reported."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import torch

from scoresubnet.evaluation.cache import Cache, content_key
from scoresubnet.evaluation.clips import (
    ClipFile,
    ClipSet,
    evenly,
    in_turn,
    read_clips,
    split_by_speaker,
)
from scoresubnet.evaluation.generated import GeneratedClips, load_generator
from scoresubnet.evaluation.plan import LEAST, Folders, Plan, asked_labels, plan
from scoresubnet.evaluation.report.assemble import Report, assemble
from scoresubnet.evaluation.report.files import write_report
from scoresubnet.evaluation.sections import prepare
from scoresubnet.evaluation.sections.common import Judged, Judging, Measured
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.evaluation.systems import REFERENCES, RealClips, Systems, rows_of
from scoresubnet.files import refuse_unwritable
from scoresubnet.jobs.parts import Part
from scoresubnet.process.caller import undisturbed
from scoresubnet.vocoders import Vocoder, load_vocoder
from scoresubnet.weights import ModelFile, load_model

SEED = 0  # of the choice of reference clips, and of the noise
COUNT = 100  # clips that are sampled of each label
MOST_COUNT = 10_000
JUDGES = ("evaluator", "sc09_resnext", "vggish", "whisper", "scoreq")
"""Those that are told where their weights are, see `Judging`."""
PACKAGES = (
    *("scoresubnet", "torch", "numpy", "soundfile", "soxr", "matplotlib", "pocketsphinx"),
    *("speechmos", "distillmos", "xls-r-sqa", "onnxruntime", "librosa", "livekit-wakeword"),
    *("resemblyzer", "webrtcvad-wheels", "ctranslate2", "tokenizers"),
)


@dataclass(frozen=True)
class Evaluation:
    """An evaluation that can be run.

    Attributes:
        systems: the first is the one that the others are compared with.
        reference: folder of real clips that were not trained on, or of Speech Commands.
        out: folder of the report, the cache and new clips.
        training: folder of training clips, if the reference has none.
        labels: words to choose, or aliases that weights have, or the name of a word set; all if
            None.
        reference_count: most real clips of a row; as many as are even in words if None.
        count: clips to sample of each label.
        seed: of those clips.
        vocoder: of systems that name none, and of the row "vocoded" where nothing is sampled.
        judges: key of `JUDGES` -> where its weights are.
        only: names of sections; all if None.
        cache: folder of what the judges found, to share it between evaluations; in `out` if None.
        written: files of the report, once it has run; others could not be written and are named.
    """

    systems: Sequence[SystemSpec]
    reference: str
    out: Path
    training: str | None = None
    labels: Sequence[str] | None = None
    reference_count: int | None = None
    count: int = COUNT
    seed: int = 0
    vocoder: str = "pitch"
    judges: Mapping[str, str | None] = field(default_factory=dict)
    only: Sequence[str] | None = None
    cache: Path | None = None
    written: list[Path] = field(default_factory=list, init=False)

    @undisturbed()
    def run(self) -> Report:
        """Evaluate, and write `report.json`, `report.md` and `report.html` into `out`.

        Raises:
            ValueError: a setting, a folder or the weights cannot be used.
            OSError: a folder is missing, or the output cannot be written.
        """
        clock = Clock()
        work = self._prepared(clock, Part())
        found, samplers = work.found, work.samplers
        evaluated = self._read_systems(work, clock, Part())
        with clock("vocoding real clips"):
            systems = rows_of(evaluated, work.real, work.vocoder, work.cache, SEED)
        sections = []
        for name, measure in work.ready.items():
            with clock(name):
                sections.append(measure(systems))

        read = evaluated | {"real": work.real.row, "reference": work.real.reference}
        read |= {"training": work.real.training}
        about = {
            "evaluated": {name: _about(found[name], systems, name) for name in found},
            "reference": {"what": self.reference, "training": self.training},
            "labels": list(work.words),
            "left_out": {n: [asdict(item) for item in clips.left_out] for n, clips in read.items()},
            "sha256": {n: content_key(*row.clips) for n, row in systems.rows.items()}
            | {"reference": content_key(*systems.reference.clips)},
            "vocoder": work.vocoder.settings,
            "seeds": {"choice": SEED, "noise": SEED, "clips": self.seed},
            "threads": torch.get_num_threads(),
            "versions": versions(),
        }
        times: dict[str, Any] = {"seconds": clock.seconds}
        if samplers:
            times["sampling"] = {name: each.speed() for name, each in samplers.items()}
        costs = {name: each.cost() for name, each in samplers.items()}
        report = assemble(about, systems, sections, work.missing, costs, times)
        self.written[:] = write_report(report, systems, self.out)
        return report

    @undisturbed()
    def run_part(self, part: Part) -> int:
        """Sample and judge a share of the clips, for a later `run` of the same evaluation.

        Several parts may run at once, into one `out`. A section that does not hear before it tells
        (see `Judged`) is left to that run.

        Returns:
            The number of clips of the systems that are in the part.

        Raises:
            ValueError: a setting, a folder or the weights cannot be used.
            OSError: a folder is missing, or the output cannot be written.
        """
        clock = Clock()
        work = self._prepared(clock, part)
        evaluated = self._read_systems(work, clock, part)
        systems = rows_of(evaluated, work.real, work.vocoder, work.cache, SEED, part)
        for measure in work.ready.values():
            if isinstance(measure, Judged):
                measure.hear(systems)
        return sum(len(found.clips) for found in evaluated.values())

    def _prepared(self, clock: Clock, part: Part) -> _Work:
        """Everything that fails early: settings, folders, weights, judges and real clips."""
        self._refuse_contradictions()
        found = self._systems()
        folders = Folders(Path(self.reference), Path(self.training) if self.training else None)
        samplers = {n: each for n, each in found.items() if isinstance(each, GeneratedClips)}
        planned = plan(found, folders, self._asked(samplers))
        vocoder = self._vocoder(samplers)
        cache = Cache(self.cache or self.out / "cache")
        trained = planned.reference.training
        judging = Judging(
            planned.words,
            cache,
            part.take(trained) or trained,
            folders.training or folders.reference,
            _classifiers(samplers),
            **self.judges,
        )
        with clock("loading the judges"):
            ready, missing = prepare(judging, self.only)
        for name, why in missing.items():
            print(f"not measured: {name}: {why}", file=sys.stderr)
        refuse_unwritable(self.out)
        with clock("reading real clips"):  # before hours of sampling
            real = self._real(planned, folders)
        return _Work(
            found, samplers, planned.given, planned.words, vocoder, cache, ready, missing, real
        )

    def _read_systems(self, work: _Work, clock: Clock, part: Part) -> dict[str, ClipSet]:
        """The clips of the systems, sampled where they are not there; of a part, its share.

        A system of which a part has no clip is left out.
        """
        files = {}
        for name, given in work.given.items():
            files[name] = part.take(in_turn(given, SEED))
        for name, each in work.samplers.items():
            with clock(f"sampling {name}" if len(work.samplers) > 1 else "sampling"):
                files[name] = in_turn(each.files(part=part), SEED)
        least = LEAST if part.is_all else 0
        with clock("reading"):
            read = {
                name: _read(name, files[name], self._folder_of(each), least)
                for name, each in work.found.items()
            }
        return {name: clips for name, clips in read.items() if clips.clips}

    def _refuse_contradictions(self) -> None:
        if not self.systems:
            raise ValueError("nothing to evaluate: give a folder of clips, --weights or --systems")
        if self.reference_count is not None and self.reference_count < LEAST:
            raise ValueError(f"--reference-count {self.reference_count} is too few; need {LEAST}")
        if not 1 <= self.count <= MOST_COUNT:
            raise ValueError(f"count {self.count} is out of range; it lies in 1 to {MOST_COUNT}")
        out = self.out.resolve()
        given = [spec.folder for spec in self.systems]
        for name in (*given, self.reference, self.training):
            if name and Path(name).resolve() in (out, *out.parents):
                raise ValueError(f"--out {self.out} lies in {name}, whose files are evaluated")

    def _systems(self) -> dict[str, Path | GeneratedClips]:
        """The folder, or the clips to be sampled, of each system, by a name of its own."""
        single = len(self.systems) == 1
        names = [spec.name or ("generated" if single else spec.called) for spec in self.systems]
        for k, name in enumerate(names):
            if name in REFERENCES or name in names[:k]:
                raise ValueError(f"two rows are called {name!r}; give the system another name")
        found: dict[str, Path | GeneratedClips] = {}
        for name, spec in zip(names, self.systems, strict=True):
            if spec.folder:
                found[name] = Path(spec.folder)
                continue
            assert spec.weights is not None
            vocoder = spec.vocoder or self.vocoder
            generator = load_generator(spec.weights, vocoder, spec.classifier, spec.backend)
            folder = self.out / "generated" / ("" if single else name)
            found[name] = GeneratedClips(
                generator, spec, asked_labels(self.labels), self.count, self.seed, folder
            )
        return found

    def _asked(self, samplers: Mapping[str, GeneratedClips]) -> tuple[str, ...] | None:
        """The labels that were asked for, by whatever names the generators know them.

        Raises:
            ValueError: one of the names stands for different labels of two generators.
        """
        asked = asked_labels(self.labels) or ()
        meant = {tuple(dict.fromkeys(map(s.generator.label_of, asked))) for s in samplers.values()}
        if len(meant) > 1:
            raise ValueError(
                f"--labels {' '.join(asked)} are other labels of each generator; "
                "name labels that are the same in all, or evaluate them apart"
            )
        return (meant.pop() if meant else asked) or None

    def _vocoder(self, samplers: Mapping[str, GeneratedClips]) -> Vocoder:
        """Of the row "vocoded": the first generator's, or the named one where there is none."""
        for each in samplers.values():
            return each.generator.vocoder
        return load_vocoder(self.vocoder)

    def _real(self, planned: Plan, folders: Folders) -> RealClips:
        row, reference = map(evenly, split_by_speaker(planned.reference.testing, SEED))
        most = self.reference_count
        training = in_turn(planned.reference.training, SEED)[: most or len(row)]
        where = folders.training or folders.reference
        return RealClips(
            _read("real", row[:most], folders.reference),
            _read("reference", reference[:most], folders.reference),
            _read("training", training, where, least=0),
        )

    @staticmethod
    def _folder_of(each: Path | GeneratedClips) -> Path:
        return each.folder if isinstance(each, GeneratedClips) else each


@dataclass(frozen=True)
class _Work:
    """An evaluation whose settings are known to be good, before anything is sampled."""

    found: Mapping[str, Path | GeneratedClips]
    samplers: Mapping[str, GeneratedClips]
    given: Mapping[str, list[ClipFile]]
    words: tuple[str, ...]
    vocoder: Vocoder
    cache: Cache
    ready: Mapping[str, Measured]
    missing: Mapping[str, str]
    real: RealClips


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


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The versions that the figures are made with."""
    found = {"python": python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _classifiers(samplers: Mapping[str, GeneratedClips]) -> dict[str, ModelFile]:
    """The weights with the classifier of each generator that has one."""
    found = {name: load_model(s.classifier or s.weights) for name, s in samplers.items()}
    return {name: file for name, file in found.items() if file.classifier is not None}


def _about(each: Path | GeneratedClips, systems: Systems, name: str) -> dict[str, object]:
    """The origin of the clips of a system, ready for JSON."""
    made = each.about() if isinstance(each, GeneratedClips) else {"what": str(each)}
    return made | {"labelled": systems.rows[name].labels is not None}


def _read(name: str, files: Sequence[ClipFile], folder: Path, least: int = LEAST) -> ClipSet:
    """The clips of a row; what is left out is named.

    Raises:
        ValueError: too few files can be read.
    """
    found = read_clips(files, folder, f"reading, {name}")
    for item in found.left_out:
        print(f"left out: {name}: {item.file}: {item.reason}", file=sys.stderr)
    if len(found.clips) < least:
        raise ValueError(
            f"{folder}: only {len(found.clips)} of {len(files)} sound files can be read; need "
            f"at least {least}"
        )
    return found
