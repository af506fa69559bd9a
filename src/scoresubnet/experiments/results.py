"""The results of a table as plain values: what `table.json` holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scoresubnet.experiments.costs import COSTS, SPEED
from scoresubnet.experiments.made import classifier_of, reports_of
from scoresubnet.experiments.run import Experiment
from scoresubnet.experiments.table import Table
from scoresubnet.experiments.table_parts import Cell
from scoresubnet.files import file_hash

FORMAT = "scoresubnet-table/1"
REFERENCES = ("real", "vocoded", "training")

Results = dict[str, Any]
"""The content of `table.json`."""


def collect(experiment: Experiment) -> Results:
    """All that has been made of a table so far, ready for JSON.

    Raises:
        ValueError: nothing has.
    """
    table = experiment.table
    groups = {key: _group(experiment, key) for key in table.groups}
    groups = {key: group for key, group in groups.items() if group["rows"]}
    if not groups:
        raise ValueError(f"{experiment.out}: nothing has been measured; give that of a run")
    return {
        "format": FORMAT,
        "title": table.title,
        "labels": list(table.labels),
        "classifier": _classifier(experiment),
        "models": {
            key: {
                "title": model.title,
                "family": model.family,
                "regime": model.regime,
                "settings": model.settings,
                "steps": table.config(key, 0, Path(), Path()).run.steps,
                "costs": _costs(experiment, key),
            }
            for key, model in table.models.items()
            if any(row["model"] == key for group in groups.values() for row in group["rows"])
        },
        "groups": groups,
        "missing": [f"{c.group}/{c.name}" for c in table.cells() if _report(experiment, c) is None],
    }


def _classifier(experiment: Experiment) -> dict[str, str | None] | None:
    """The given weights, and the hash of the file that the models were trained on."""
    if not isinstance(given := experiment.table.classifier, str):
        return None
    found = (classifier_of(experiment.model(cell)) for cell in experiment.table.cells())
    return {"weights": given, "sha256": next(filter(None, found), None)}


def _group(experiment: Experiment, key: str) -> dict[str, Any]:
    """The rows of a group, its reference rows, and the differences from one of its models."""
    about = experiment.table.groups[key]
    reports = list(_reports(experiment, key))
    rows = [_row(experiment.table, cell, report) for cell, report in reports]
    found: dict[str, Any] = {**asdict(about), "rows": rows, "references": {}, "differences": {}}
    found["metrics"] = {
        figure["key"]: {name: figure[name] for name in ("text", "better", "digits")}
        for _, report in reports
        for figure in _figures(report)
    }
    found["references"] = {
        name: {f["key"]: f["systems"].get(name) for _, r in reports for f in _figures(r)}
        for name in REFERENCES
    }
    if reports:
        found["versions"] = reports[-1][1]["versions"]
    found["differences"], found["outdated"] = _differences(experiment, key, reports)
    return found


def _differences(
    experiment: Experiment, group: str, reports: Sequence[tuple[Cell, Any]]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Pair -> metric -> difference, and the pairs of which a row was made again since."""
    folder = experiment.compared(group)
    if (of := reports_of(folder)) is None:
        return {}, []
    names = [cell.name for cell, _ in reports]
    hashes = [file_hash(experiment.folder(cell) / "report.json") for cell, _ in reports]
    same = {name for name, found in zip(names, hashes, strict=True) if found in of}
    pairs: dict[str, dict[str, Any]] = {}
    for figure in _figures(json.loads((folder / "report.json").read_text(encoding="utf-8"))):
        for pair, difference in figure["differences"].items():
            pairs.setdefault(pair, {})[figure["key"]] = difference
    kept = {pair: found for pair, found in pairs.items() if same.issuperset(pair.split(" - "))}
    return kept, [pair for pair in pairs if pair not in kept]


def _reports(experiment: Experiment, group: str) -> Iterator[tuple[Cell, dict[str, Any]]]:
    for cell in experiment.table.cells():
        if cell.group == group and (report := _report(experiment, cell)) is not None:
            yield cell, report


def _report(experiment: Experiment, cell: Cell) -> dict[str, Any] | None:
    path = experiment.folder(cell) / "report.json"
    if not path.is_file():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def _row(table: Table, cell: Cell, report: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a cell."""
    return {
        "name": cell.name,
        "model": cell.model,
        "seed": cell.seed,
        "variant": dict(cell.variant),
        "clips": report["systems"]["generated"]["clips"],
        "figures": {f["key"]: f["systems"].get("generated") for f in _figures(report)},
        "unseen": _unseen(table, cell, report),
    }


def _unseen(table: Table, cell: Cell, report: Mapping[str, Any]) -> dict[str, Any] | None:
    """How often words that the model never saw are heard as asked for (zero-shot guidance)."""
    seen, section = table.words_of(cell.model), report["sections"].get("evaluator")
    if section is None or "generated" not in section["details"]["confusion"]["systems"]:
        return None  # clips of no word
    confusion = section["details"]["confusion"]
    heard, found = confusion["heard"], confusion["systems"]["generated"]
    right = total = 0
    for label, counts in zip(found["asked"], found["counts"], strict=True):
        if label not in seen:
            right, total = right + counts[heard.index(label)], total + sum(counts)
    return {"right": right, "clips": total, "share": right / total} if total else None


def _figures(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for section in report["sections"].values():
        yield from section["figures"]


def _costs(experiment: Experiment, model: str) -> dict[str, Any]:
    """Of the first seed; what is not known yet is left out."""
    path, speed = experiment.model(Cell("", model, 0, {})) / COSTS, experiment.out / SPEED
    costs: dict[str, Any] = {}
    if path.is_file():
        costs |= json.loads(path.read_text(encoding="utf-8"))
    if speed.is_file():
        costs |= json.loads(speed.read_text(encoding="utf-8"))["models"].get(model, {})
    return costs
