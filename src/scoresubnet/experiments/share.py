"""Which rows of a table a part makes: all of a model, which no other part then waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from scoresubnet.experiments.table import Cell, Table
from scoresubnet.jobs.parts import Part


def share(table: Table, cells: Sequence[Cell], part: Part) -> list[Cell]:
    """The rows of the models of a part, in their order; none where parts outnumber models.

    The models with the most clips to sample are dealt first, each to a part that has the fewest
    models, and of these to the one with the fewest clips: a training takes longer than its rows.
    """
    models: defaultdict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        models[cell.model, cell.seed].append(cell)

    clips: dict[tuple[str, int], int] = {}
    for model, own in models.items():
        clips[model] = sum(len(labels) * count for labels, count in map(table.asked, own))
    parts: list[set[tuple[str, int]]] = [set() for _ in range(part.of)]
    for model in sorted(clips, key=clips.__getitem__, reverse=True):
        fewest = min(parts, key=lambda own: (len(own), sum(clips[each] for each in own)))
        fewest.add(model)
    mine = parts[part.number - 1]
    return [cell for cell in cells if (cell.model, cell.seed) in mine]
