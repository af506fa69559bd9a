"""Parts of a table: every row is in one, and all of a model in the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.experiments.share import share
from scoresubnet.experiments.table import read_table
from scoresubnet.jobs.parts import Part


@pytest.mark.parametrize("of", [1, 2, 3, 8])
def test_every_row_is_in_one_part_with_its_model(of: int, write: Callable[..., Path]) -> None:
    table = read_table(str(write()))
    cells = list(table.cells())
    parts = [share(table, cells, Part(k, of)) for k in range(1, of + 1)]
    assert sorted(map(repr, (cell for part in parts for cell in part))) == sorted(map(repr, cells))
    for part in parts:
        assert [cell for cell in cells if cell in part] == part
    models = [{(cell.model, cell.seed) for cell in part} for part in parts]
    assert sum(map(len, models)) == 3
    assert sum(not part for part in parts) == max(0, of - 3)


@pytest.mark.parametrize(
    ("name", "of"), [("sc09-paper", 8), ("sc12-small", 15), ("sc12-variants", 3)]
)
def test_no_part_trains_a_model_more_than_another(name: str, of: int) -> None:
    steps = trained(name, of)
    assert max(map(sum, steps)) - min(map(sum, steps)) <= max(map(max, steps))


def test_beside_a_control_that_is_trained_longer_nothing_is_trained(
    content: Callable[..., dict[str, Any]], write: Callable[..., Path]
) -> None:
    models = content()["models"]
    models["long"] = {**models["unet"], "family": "U-Net, longer", "steps": 9}
    steps = trained(str(write(models=models)), 2)
    assert sorted(steps) == [[3, 3, 3], [9]]


def trained(name: str, of: int) -> list[list[int]]:
    """The steps of each model that is trained, by part."""
    table = read_table(name)
    cells = list(table.cells())
    steps = []
    for k in range(1, of + 1):
        models = {(cell.model, cell.seed) for cell in share(table, cells, Part(k, of))}
        steps.append([table.config(*model, Path(), Path()).run.steps for model in models])
    return steps
