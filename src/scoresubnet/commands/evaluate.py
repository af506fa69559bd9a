"""`scoresubnet evaluate`: clips or generators in, figures with reference rows out."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import Namespace

from scoresubnet.evaluation.report.markdown import callouts
from scoresubnet.evaluation.run import COUNT, JUDGES, Evaluation
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.jobs.parts import Part
from scoresubnet.sampling import SETTINGS


def run(values: Namespace) -> None:
    """Evaluate, and write `report.json`, `report.md` and `report.html`; a part writes none.

    Raises:
        ValueError: an option, a folder or the weights cannot be used.
        OSError: a folder is missing, or the output cannot be written.
    """
    overrides = {name: values[name] for name in SETTINGS if values[name] is not None}
    specs = [SystemSpec(folder=folder) for folder in values.generated or []]
    specs += [
        SystemSpec(
            weights=weights,
            classifier=values.classifier,
            sampling=values.sampling,
            overrides=overrides,
        )
        for weights in values.weights or []
    ]
    specs += [SystemSpec.from_dict(system) for system in values.systems or []]
    options = {"count": values.count, "seed": values.seed}
    if not values.weights:
        names = ("classifier", "sampling", *overrides)
        refused = [f"--{name}" for name in names if values[name] is not None]
        if not any(spec.weights for spec in specs):
            refused = [f"--{n}" for n, value in options.items() if value is not None] + refused
        if refused:
            raise ValueError(f"{', '.join(refused)} can be used with --weights only")
    evaluation = Evaluation(
        systems=specs,
        reference=values.reference,
        out=Path(values.out),
        training=values.training,
        labels=values.labels,
        reference_count=values.reference_count,
        count=COUNT if values.count is None else values.count,
        seed=values.seed or 0,
        vocoder=values.vocoder,
        judges={name: values[name] for name in JUDGES},
        only=values.sections,
    )
    part = Part.read(values.part)
    if not part.is_all:
        count = evaluation.run_part(part)
        print(
            f"{values.out}: {count:,} clips of part {part} judged; when all parts are, run it once "
            "without --part"
        )
        return
    report = evaluation.run()
    missing = [f"not measured: {name}: {why}" for name, why in report["missing"].items()]
    for line in (*callouts(report), *missing, *map(str, evaluation.written)):
        print(line)
