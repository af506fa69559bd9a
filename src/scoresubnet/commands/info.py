"""`scoresubnet info`: what a preset or a file of weights costs."""

from __future__ import annotations

import json
from dataclasses import asdict

from jsonargparse import Namespace

from scoresubnet.cost import Cost, count_parameters, preset_costs, subnet_cost
from scoresubnet.networks.presets import PRESETS
from scoresubnet.sampling import DEFAULT_SAMPLING
from scoresubnet.tensor_files import WeightsError
from scoresubnet.weights import ModelFile, load_model


def run(values: Namespace) -> None:
    """Print the table.

    Raises:
        ValueError: neither a preset nor readable weights.
    """
    facts: dict[str, object] = {}
    if values.model in PRESETS:
        costs = preset_costs(values.model)
    else:
        try:
            file = load_model(values.model)
        except WeightsError as error:
            raise WeightsError(f"{error}; presets: {', '.join(PRESETS)}") from error
        costs = {} if file.subnet is None else {"Score Subnet": subnet_cost(file.score_model())}
        facts = {
            "labels": list(file.labels),
            **_aliases(file, values.json),
            "classifier_parameters": count_parameters(file.classifier),
            "predicts": file.parametrisation,
            "fusion": _fusion(file),
            "mel_hash": file.mel.hash,
            "sampling": _sampling(file, values.json),
            **file.notes,
        }
    if values.json:
        rows = {name: asdict(cost) for name, cost in costs.items()}
        print(json.dumps({"model": values.model, **facts, "costs": rows}, indent=1))
        return
    for key, value in facts.items():
        print(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    if costs:
        print(table(costs))


def _aliases(file: ModelFile, as_json: bool) -> dict[str, object]:
    """Other spellings of the labels, for a program, or, where there are some, for a reader."""
    if as_json or not file.aliases:
        return {"aliases": file.aliases} if as_json else {}
    return {"aliases": [f"{alias} = {label}" for alias, label in file.aliases.items()]}


def _sampling(file: ModelFile, as_json: bool) -> object:
    """The sampling that the weights recommend, for a program or for a reader."""
    if as_json:
        return None if file.sampling is None else file.sampling.to_dict()
    return str(file.sampling or f"not stated, so {DEFAULT_SAMPLING}")


def _fusion(file: ModelFile) -> str | None:
    """The fusion of gradient taps, if there are any."""
    if file.subnet is None or not file.subnet.config.gradient_taps:
        return None
    return file.subnet.config.fusion


def table(costs: dict[str, Cost]) -> str:
    """The costs of one reverse step of one clip, as text."""
    width = max(len(name) for name in costs)
    lines = [
        f"{'one reverse step, one clip':{width}}  {'params M [trainable]':>20}"
        f"  {'GMACs':>6} {'guided':>6}  {'MiB':>5} {'guided':>6}"
    ]
    for name, cost in costs.items():
        parameters = f"{cost.parameters / 1e6:.2f} [{cost.trainable / 1e6:.2f}]"
        lines.append(
            f"{name:{width}}  {parameters:>20}  {cost.unconditional_gmacs:6.2f} "
            f"{cost.guided_gmacs:6.2f}  {cost.unconditional_mib:5.1f} {cost.guided_mib:6.1f}"
        )
    return "\n".join(lines)
