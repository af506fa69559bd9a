"""Which rows of a table a part makes: all of a model, which no other part then waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from scoresubnet.experiments.table import Table
from scoresubnet.experiments.table_parts import Cell
from scoresubnet.jobs.parts import Part


def share(table: Table, cells: Sequence[Cell], part: Part) -> list[Cell]:
    """The rows of the models of a part, in their order; none where parts outnumber models.

    The models that are trained longest are dealt first, and of these the ones with the most clips
    to sample, each to a part that has the fewest steps of training, and of these to the one with
    the fewest clips: a training takes longer than its rows.
    """
    models: defaultdict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        models[cell.model, cell.seed].append(cell)

    work: dict[tuple[str, int], tuple[int, int]] = {}  # steps, clips
    for (model, seed), own in models.items():
        clips = sum(len(labels) * count for labels, count in map(table.asked, own))
        work[model, seed] = (table.config(model, seed, Path(), Path()).run.steps, clips)
    parts: list[set[tuple[str, int]]] = [set() for _ in range(part.of)]
    for each in sorted(work, key=work.__getitem__, reverse=True):
        fewest = min(parts, key=lambda own: [sum(work[one][k] for one in own) for k in (0, 1)])
        fewest.add(each)
    mine = parts[part.number - 1]
    return [cell for cell in cells if (cell.model, cell.seed) in mine]
