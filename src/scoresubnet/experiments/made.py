"""What has been made, and of what: a note beside each model and each report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scoresubnet.evaluation.run import Evaluation
from scoresubnet.experiments.clock import OutOfTime
from scoresubnet.files import write_json
from scoresubnet.training.config import Training
from scoresubnet.training.folder import steps_made

_NOTE = "made.json"
Work = Mapping[str, Any]
"""All that a model or a report depends on, ready for JSON."""


def training_of(config: Training, classifier: str | None = None) -> Work:
    """What a model is made of: its config but for rhythm and places, and its classifier's hash."""
    values = dataclasses.asdict(config)
    values["run"] = {name: values["run"][name] for name in ("steps", "seed")}
    values["data"].pop("cache")
    for source in values["data"]["sources"]:
        source.pop("root")
    return {"config": json.loads(json.dumps(values)), "classifier": classifier}


def work_of(evaluation: Evaluation, made_of: Sequence[str]) -> Work:
    """What a report is made of: the settings of an evaluation, and hashes of what it judges."""
    systems = [dataclasses.asdict(spec) for spec in evaluation.systems]
    for system in systems:
        for place in ("weights", "classifier", "folder"):
            system.pop(place)
    return {
        "systems": json.loads(json.dumps(systems)),
        "made_of": list(made_of),
        "labels": list(evaluation.labels or ()),
        "count": evaluation.count,
        "sections": None if evaluation.only is None else list(evaluation.only),
        "judges": sorted(name for name, given in evaluation.judges.items() if given),
    }


def has_note(folder: Path) -> bool:
    """Whether something was made in a folder, with whatever settings."""
    return (folder / _NOTE).is_file()


def is_made(folder: Path, work: Work) -> bool:
    """Whether the report in a folder is of just this work."""
    return (folder / "report.json").is_file() and _note(folder) == work


def mark_made(folder: Path, work: Work) -> None:
    """Note what a report was made of."""
    write_json(folder / _NOTE, work)


def reports_of(folder: Path) -> frozenset[str] | None:
    """The hashes of the reports that a comparison is of, or None where none was made."""
    note = _note(folder) if (folder / "report.json").is_file() else None
    return None if note is None else frozenset(note["made_of"])


def refuse_other_training(folder: Path, work: Work) -> bool:
    """Whether the run in a folder has come to its end.

    Raises:
        ValueError: it has, but it is another one.
    """
    note = _note(folder)
    if note is None:
        return False
    if note != work:
        differing = [k for k in work["config"] if work["config"][k] != note["config"].get(k)]
        what = ", ".join(differing) or "classifier"
        raise ValueError(
            f"{folder}: was trained with another {what} than the table says now; delete that "
            "folder, or choose another --out"
        )
    return True


def classifier_of(folder: Path) -> str | None:
    """The hash of the classifier that a trained Score Subnet stands on; else None."""
    note = _note(folder)
    return None if note is None else note["classifier"]


def mark_trained(folder: Path, work: Work, steps: int) -> None:
    """Note what a model was made of, if its run has made all its steps.

    Raises:
        OutOfTime: it was stopped before.
    """
    if (reached := steps_made(folder)) < steps:
        raise OutOfTime(f"{folder}: stopped at step {reached} of {steps}")
    write_json(folder / _NOTE, work)


def _note(folder: Path) -> Any:
    path = folder / _NOTE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
