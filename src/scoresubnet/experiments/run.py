"""Make what is missing of a table: train, sample, measure, in the order of its groups."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from scoresubnet.data.packs import is_pack
from scoresubnet.evaluation.run import Evaluation
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.experiments.clock import Clock
from scoresubnet.experiments.costs import keep_costs, keep_speed
from scoresubnet.experiments.made import (
    Work,
    has_note,
    is_made,
    mark_made,
    mark_trained,
    refuse_other_training,
    training_of,
    work_of,
)
from scoresubnet.experiments.share import share
from scoresubnet.experiments.table import Table
from scoresubnet.experiments.table_parts import Cell
from scoresubnet.files import file_hash
from scoresubnet.jobs.parts import Part
from scoresubnet.model_about import NO_CLASSIFIER, find_weights, read_about
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining, ScoreTraining, UNetTraining
from scoresubnet.training.process import FolderInUse, locked
from scoresubnet.training.score import train_score
from scoresubnet.training.unet import train_unet

WAIT = 5.0
"""Seconds between two looks at what other processes have made."""
PATIENCE = 3600.0
"""Seconds without a sign of life of the part that trains the classifier."""


@dataclass(frozen=True)
class Experiment:
    """A table, and where it is made.

    Attributes:
        table: what is to be made.
        data: folder that its recordings are in, or packs of their log-Mels: they are enough to
            train, and nothing is measured.
        out: gets `classifier/` (if none is given), `models/`, `cells/`, `compared/` and `cache/`.
        judges: those of `Evaluation`.
    """

    table: Table
    data: Path
    out: Path
    judges: Mapping[str, str | None] = field(default_factory=dict)

    @cached_property
    def classifier(self) -> Path:
        """The run of the classifier, or the file of the weights that the table names.

        Raises:
            ValueError: there are none of that name, or they have no such classifier.
        """
        given = self.table.classifier
        if not isinstance(given, str):
            return self.out / "classifier"
        path = find_weights(given)
        about = read_about(path)
        if about.is_unet:
            raise ValueError(f"{given}: {NO_CLASSIFIER}")
        if unknown := set(self.table.labels) - set(about.labels):
            raise ValueError(
                f"{given}: its classifier does not know {', '.join(sorted(unknown))}; its labels "
                f"are {', '.join(about.labels)}"
            )
        return path

    @property
    def _has_classifier(self) -> bool:
        """Whether the classifier is given, or trained to its end."""
        return isinstance(self.table.classifier, str) or has_note(self.classifier)

    @property
    def is_packed(self) -> bool:
        """Whether a source of the table is there as a pack."""
        return any(is_pack(self.data / source["root"]) for source in self.table.sources)

    def model(self, cell: Cell) -> Path:
        """The run of a cell's model."""
        return self.out / "models" / f"{cell.model}_seed{cell.seed}"

    def folder(self, cell: Cell) -> Path:
        """The evaluation of a cell: its clips and its report."""
        return self.out / "cells" / cell.group / cell.name

    def compared(self, group: str) -> Path:
        """The evaluation of a group's models beside one another."""
        return self.out / "compared" / group

    def run(
        self,
        minutes: float = 0.0,
        groups: list[str] | None = None,
        part: Part | None = None,
    ) -> None:
        """Make what is missing; what was begun goes on where it stopped.

        Several processes may share the work: what one is at, the others leave for later.

        Args:
            minutes: after so many, stop; 0: when all is made.
            groups: only these; all if None.
            part: make the models of a part and their rows, and compare nothing; all if None. The
                first part trains the classifier, if none is given, and the others wait for it.

        Raises:
            OutOfTime: not everything was made.
            ValueError: the data or the given classifier cannot be used, a folder holds something
                else, or the first part has not written anything of the classifier for an hour.
        """
        _ = self.classifier  # refuse one that cannot be used before anything is trained
        clock, part = Clock(minutes), part or Part()
        chosen = [group for group in self.table.groups if groups is None or group in groups]
        cells = [cell for cell in self.table.cells() if cell.group in chosen]
        if part.is_all:
            jobs = list(self._jobs(chosen, clock))
        else:
            cells = share(self.table, cells, part)
            jobs = [partial(self._make, cell, clock, part) for cell in cells]
        _say(self._left(cells))
        is_told, begun = False, time.time()
        while jobs:
            in_use = [job for job in jobs if not _is_done(job)]
            if len(in_use) == len(jobs):
                whom = "another process, which is at what is left"
                if part.number > 1 and not self._has_classifier:
                    whom = f"part 1/{part.of}, which trains the classifier"
                    self._refuse_to_wait_for(whom, begun)
                if not is_told:
                    _say(f"waiting for {whom}")
                is_told = True
                clock.wait(WAIT)
            jobs = in_use

    def _refuse_to_wait_for(self, whom: str, begun: float) -> None:
        """Raise ValueError where the classifier's folder has not changed for too long."""
        files = self.classifier.iterdir() if self.classifier.is_dir() else ()
        if time.time() - max([begun, *map(_changed, files)]) > PATIENCE:
            raise ValueError(
                f"{self.classifier}: nothing was written here for an hour; run {whom}, and then "
                "this part again"
            )

    def _jobs(self, chosen: list[str], clock: Clock) -> Iterator[Callable[[], None]]:
        """What is to be made, in order; each raises FolderInUse while another process is at it."""
        for group in chosen:
            cells = [cell for cell in self.table.cells() if cell.group == group]
            for cell in cells:
                yield partial(self._make, cell, clock)
            if not self.is_packed:
                yield partial(self._compare, group, cells, clock)
        if not self.is_packed:
            yield partial(self._time, chosen, clock)

    def _make(self, cell: Cell, clock: Clock, part: Part | None = None) -> None:
        self._train(cell, clock, part or Part())
        if not self.is_packed:
            self._measure(cell, clock)

    def _time(self, chosen: list[str], clock: Clock) -> None:
        """Milliseconds of a step of each model, when nobody is at anything else."""
        cells = [cell for cell in self.table.cells() if cell.group in chosen]
        for group in chosen:
            self._compare(group, [cell for cell in cells if cell.group == group], clock)
        models = {cell.model: cell for cell in cells}
        with locked(self.out):
            folders = {key: self.model(cell) for key, cell in models.items()}
            keep_speed(self.out, {key: (f, self._guide(key)) for key, f in folders.items()})

    def _left(self, cells: list[Cell]) -> str:
        """What nothing has been made of yet."""
        untrained = {self.model(cell) for cell in cells if not has_note(self.model(cell))}
        unmeasured = [cell for cell in cells if not has_note(self.folder(cell))]
        clips = sum(len(labels) * count for labels, count in map(self.table.asked, unmeasured))
        return (
            f"{self.out}: {len(untrained)} models are to be trained, and {len(unmeasured)} rows to "
            f"be measured ({clips:,} clips)"
        )

    def _train(self, cell: Cell, clock: Clock, part: Part) -> None:
        """The classifier and the cell's model, unless they are there.

        Raises:
            FolderInUse: another process is at one of them, or will be.
        """
        cache = self.out / "features"
        self._train_classifier(cache, clock, part)
        given = self.table.config(cell.model, cell.seed, self.data, cache)
        folder = self.model(cell)
        on = _weights_hash(self.classifier) if isinstance(given, ScoreTraining) else None
        work = training_of(given, on)
        if not refuse_other_training(folder, work):
            _refuse_in_use(folder)
            _say(f"training: {folder.name}")
            if isinstance(given, ScoreTraining):
                train_score(clock.limit(given), self.classifier, folder)
            else:
                assert isinstance(given, UNetTraining)
                train_unet(clock.limit(given), folder)
            mark_trained(folder, work, given.run.steps)
        keep_costs(folder, self._guide(cell.model))

    def _train_classifier(self, cache: Path, clock: Clock, part: Part) -> None:
        config = self.table.classifier_config(self.data, cache)
        if config is None:
            return
        assert isinstance(config, ClassifierTraining)
        work = training_of(config)
        if refuse_other_training(self.classifier, work):
            return
        if part.number > 1:
            raise FolderInUse(f"{self.classifier}: part 1/{part.of} trains it")
        _refuse_in_use(self.classifier)
        _say("training: classifier")
        train_classifier(clock.limit(config), self.classifier)
        mark_trained(self.classifier, work, config.run.steps)

    def _guide(self, model: str) -> Path | None:
        """Weights with the classifier of a U-Net that is guided by one."""
        entry = self.table.models[model]
        guided = entry.train == "unet" and entry.guide == "classifier"
        return self.classifier if guided else None

    def _measure(self, cell: Cell, clock: Clock) -> None:
        labels, count = self.table.asked(cell)
        spec = self.table.spec(cell, self.model(cell), self.classifier)
        evaluation = self._evaluation(cell.group, [spec], self.folder(cell), labels, count)
        weights = [self.model(cell), self._guide(cell.model)]
        work = work_of(evaluation, [_weights_hash(w) for w in weights if w is not None])
        self._report(evaluation, work, f"{cell.group}: {cell.name}", clock)

    def _compare(self, group: str, cells: list[Cell], clock: Clock) -> None:
        """The clips of all cells beside those of one, paired, if the group asks for it."""
        for cell in cells:
            self._make(cell, clock)  # if another process made it, it is there now
        first = self.table.groups[group].against
        if first is None:
            return
        cells = sorted(cells, key=lambda cell: cell.model != first)
        systems = [
            SystemSpec(folder=str(self.folder(cell) / "generated"), name=cell.name)
            for cell in cells
        ]
        labels = list(self.table.labels)  # clips of no word are compared with the same real ones
        evaluation = self._evaluation(group, systems, self.compared(group), labels, 1)
        work = work_of(evaluation, [file_hash(self.folder(c) / "report.json") for c in cells])
        what = f"{group}: {len(systems)} systems, beside {systems[0].name}"
        self._report(evaluation, work, what, clock)

    @staticmethod
    def _report(evaluation: Evaluation, work: Work, what: str, clock: Clock) -> None:
        """Run an evaluation, unless its report is there."""
        evaluation.out.mkdir(parents=True, exist_ok=True)
        with locked(evaluation.out):
            if is_made(evaluation.out, work):
                return
            _say(what)
            with clock.alarm():
                evaluation.run()
            mark_made(evaluation.out, work)

    def _evaluation(
        self, group: str, systems: list[SystemSpec], out: Path, labels: list[str], count: int
    ) -> Evaluation:
        return Evaluation(
            systems,
            str(self.data / self.table.reference),
            out,
            labels=labels,
            count=count,
            judges=self.judges,
            only=self.table.groups[group].sections,
            cache=self.out / "cache",
        )


def _is_done(job: Callable[[], None]) -> bool:
    """Do a job, unless another process is at it."""
    try:
        job()
    except FolderInUse:
        return False
    return True


def _refuse_in_use(folder: Path) -> None:
    """Raise FolderInUse where another process is at it."""
    if folder.exists():
        with locked(folder):
            pass


def _weights_hash(weights: Path) -> str:
    """SHA-256 of the file of a run, or of a file of weights."""
    return file_hash(find_weights(weights))


def _changed(path: Path) -> float:
    """When a file was last changed; 0 of a temporary one that has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _say(text: str) -> None:
    print(text, file=sys.stderr)
