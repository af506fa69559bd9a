"""`scoresubnet experiment run|pack|report`: a table of models, made and written."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import Namespace

from scoresubnet.evaluation.run import JUDGES
from scoresubnet.experiments.clock import OutOfTime
from scoresubnet.experiments.pack import pack
from scoresubnet.experiments.results import collect
from scoresubnet.experiments.run import Experiment
from scoresubnet.experiments.table import read_table
from scoresubnet.experiments.table_page import read_results, write_page
from scoresubnet.files import refuse_unwritable
from scoresubnet.jobs.parts import Part
from scoresubnet.options.registries import refuse_unknown
from scoresubnet.process.allocator import keep_freed_memory
from scoresubnet.training.process import ended_trainings


def run_run(values: Namespace) -> None:
    """Make what is missing of a table.

    Raises:
        ValueError: the table, its data or a folder cannot be used.
        SystemExit: a signal ended a training.
    """
    keep_freed_memory()
    table = read_table(values.table)
    for name in values.groups or []:
        refuse_unknown("group", name, table.groups)
    part = Part.read(values.part)
    out = Path(values.out or Path("runs") / Path(values.table).stem)
    refuse_unwritable(out)
    try:
        judges = {name: values[name] for name in JUDGES}
        with ended_trainings() as signals:
            experiment = Experiment(table, Path(values.data), out, judges)
            experiment.run(values.minutes, values.groups, part)
    except OutOfTime as error:
        print(f"{error}; the same command goes on from there")
        if signals:
            raise SystemExit(128 + signals[0]) from error
        return
    what = "all" if values.groups is None else ", ".join(values.groups)
    mine = what if part.is_all else f"part {part} of {what}"
    if experiment.is_packed:
        print(f"{out}: {mine} trained; run it again where the recordings are, to measure")
    elif not part.is_all:
        print(f"{out}: {mine} made; when all parts are, run it once without --part")
    else:
        print(f"{out}: {what} made; write it up with `scoresubnet experiment report`")


def run_pack(values: Namespace) -> None:
    """Pack the log-Mels of a table.

    Raises:
        ValueError: the table, its data or the folder cannot be used.
    """
    table, out = read_table(values.table), Path(values.out)
    refuse_unwritable(out)
    cache = Path("runs") / Path(values.table).stem / "features"
    for folder in pack(table, Path(values.data), out, cache):
        print(folder)


def run_report(values: Namespace) -> None:
    """Write `table.md`, `table.json` and the figures of what there is.

    Raises:
        ValueError: there is nothing to write up.
    """
    if Path(values.table).suffix == ".json":
        results = read_results(Path(values.table))
    else:
        run = Path(values.run or Path("runs") / Path(values.table).stem)
        results = collect(Experiment(read_table(values.table), Path(), run))
    for path in write_page(results, Path(values.out)):
        print(path)
