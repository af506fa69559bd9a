"""Make what is missing of a table: train, sample, measure, in the order of its groups."""

from __future__ import annotations

import json
import sys
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from scoresubnet.evaluation.run import Evaluation
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.experiments.costs import keep_costs
from scoresubnet.experiments.table import Cell, Table
from scoresubnet.files import write_json
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining, ScoreTraining, Training, UNetTraining
from scoresubnet.training.score import train_score
from scoresubnet.training.unet import train_unet

LEAST_MINUTES = 0.5
"""With less time left nothing is begun."""


class OutOfTime(Exception):
    """The minutes are over, or the training was stopped; everything that was made is kept."""


@dataclass(frozen=True)
class Experiment:
    """A table, and where it is made.

    Attributes:
        table: what is to be made.
        data: folder that its recordings are in.
        out: gets `classifier/`, `models/`, `cells/`, `compared/` and `cache/`.
        judges: those of `Evaluation`.
    """

    table: Table
    data: Path
    out: Path
    judges: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def classifier(self) -> Path:
        """The run of the classifier."""
        return self.out / "classifier"

    def model(self, cell: Cell) -> Path:
        """The run of a cell's model."""
        return self.out / "models" / f"{cell.model}_seed{cell.seed}"

    def folder(self, cell: Cell) -> Path:
        """The evaluation of a cell: its clips and its report."""
        return self.out / "cells" / cell.group / cell.name

    def compared(self, group: str) -> Path:
        """The evaluation of a group's models beside one another."""
        return self.out / "compared" / group

    def run(self, minutes: float = 0.0, groups: list[str] | None = None) -> None:
        """Make what is missing; a part that was begun goes on where it stopped.

        Args:
            minutes: after so many, stop; 0: when all is made.
            groups: only these; all if None.

        Raises:
            OutOfTime: not everything was made.
            ValueError: the data cannot be used, or a folder holds something else.
        """
        clock = _Clock(minutes)
        for group in self.table.groups:
            if groups is not None and group not in groups:
                continue
            cells = [cell for cell in self.table.cells() if cell.group == group]
            for cell in cells:
                if not (self.folder(cell) / "report.json").is_file():
                    self._train(cell, clock)
                    _say(f"{group}: {cell.name}")
                    self._measure(cell, clock)
            self._compare(group, cells, clock)

    def _train(self, cell: Cell, clock: _Clock) -> None:
        """The classifier and the cell's model, unless they are there."""
        cache = self.out / "features"
        if not is_trained(self.classifier):
            config = clock.limit(self.table.classifier_config(self.data, cache))
            assert isinstance(config, ClassifierTraining)
            _say("training: classifier")
            train_classifier(config, self.classifier)
            _refuse_unfinished(self.classifier, config)
        folder = self.model(cell)
        if not is_trained(folder):
            given = clock.limit(self.table.config(cell.model, cell.seed, self.data, cache))
            _say(f"training: {folder.name}")
            if isinstance(given, ScoreTraining):
                train_score(given, self.classifier, folder)
            else:
                assert isinstance(given, UNetTraining)
                train_unet(given, folder)
            _refuse_unfinished(folder, given)
        keep_costs(folder, self.classifier)

    def _measure(self, cell: Cell, clock: _Clock) -> None:
        spec = self.table.spec(cell, self.model(cell), self.classifier)
        with clock.alarm():
            self._evaluation(cell, [spec], self.folder(cell)).run()

    def _compare(self, group: str, cells: list[Cell], clock: _Clock) -> None:
        """The clips of all cells beside those of one, paired, if the group asks for it."""
        first = self.table.groups[group].against
        out = self.compared(group)
        if first is None or (out / "report.json").is_file():
            return
        cells = sorted(cells, key=lambda cell: cell.model != first)
        systems = [
            SystemSpec(folder=str(self.folder(cell) / "generated"), name=cell.name)
            for cell in cells
        ]
        _say(f"{group}: {len(systems)} systems, beside {systems[0].name}")
        with clock.alarm():
            self._evaluation(cells[0], systems, out).run()

    def _evaluation(self, cell: Cell, systems: list[SystemSpec], out: Path) -> Evaluation:
        labels, count = self.table.asked(cell)
        return Evaluation(
            systems,
            str(self.data / self.table.reference),
            out,
            labels=labels,
            count=count,
            judges=self.judges,
            only=self.table.groups[cell.group].sections,
            cache=self.out / "cache",
        )


def is_trained(folder: Path) -> bool:
    """Whether the run in a folder has come to its end."""
    return (folder / _FINISHED).is_file()


_FINISHED = "finished.json"


def _refuse_unfinished(folder: Path, config: Training) -> None:
    """Mark a run that has made all its steps.

    Raises:
        OutOfTime: it has not.
    """
    rows = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(rows[-1])["step"] + 1 if rows else 0
    if last < config.run.steps:
        raise OutOfTime(f"{folder}: stopped at step {last} of {config.run.steps}")
    write_json(folder / _FINISHED, {"steps": config.run.steps})


class _Clock:
    """The time that is left."""

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes if minutes else None

    @property
    def minutes(self) -> float:
        """Left of the budget; 0: there is none.

        Raises:
            OutOfTime: too little is left to begin anything.
        """
        if self.end is None:
            return 0.0
        left = (self.end - time.monotonic()) / 60
        if left < LEAST_MINUTES:
            raise OutOfTime("the minutes are over")
        return left

    def limit(self, config: Training) -> Training:
        """The same training, to be stopped in time and saved every minute."""
        every = min(1.0, config.run.save_every)
        run = replace(config.run, minutes=self.minutes, save_every=every)
        return replace(config, run=run)

    @contextmanager
    def alarm(self) -> Iterator[None]:
        """Break off what runs inside when the time is over.

        Raises:
            OutOfTime: it was broken off.
        """
        left = self.minutes
        over = threading.Event()

        def ring() -> None:
            over.set()
            interrupt_main()

        timer = threading.Timer(60 * left, ring) if left else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        except KeyboardInterrupt:
            if over.is_set():
                raise OutOfTime("the minutes are over") from None
            raise
        finally:
            if timer is not None:
                timer.cancel()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
