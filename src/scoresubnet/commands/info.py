"""`scoresubnet info`: what a preset or a file of weights costs."""

from __future__ import annotations

import json
from dataclasses import asdict

from jsonargparse import Namespace

from scoresubnet.cost import Cost, count_parameters, model_cost, preset_costs
from scoresubnet.networks.presets import PRESETS
from scoresubnet.sampling import DEFAULT_SAMPLING
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.hub import is_on_hub
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
            if is_on_hub(values.model):
                raise
            raise WeightsError(f"{error}; presets: {', '.join(PRESETS)}") from error
        costs = {} if file.parametrisation is None else _costs(file)
        facts = {
            "labels": list(file.labels),
            **_aliases(file, values.json),
            **_networks(file),
            "predicts": file.parametrisation,
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


def _costs(file: ModelFile) -> dict[str, Cost]:
    """Of the model that a file is."""
    name = "U-Net" if file.subnet is None else "Score Subnet"
    return {name: model_cost(file.score_model(), (file.mel.n_mels, file.mel.frames))}


def _networks(file: ModelFile) -> dict[str, object]:
    """What is to be known of the networks in a file."""
    if file.unet is not None:
        return {"told_labels": file.unet.config.label_conditioned}
    fusion, gradient_of = None, None
    if file.subnet is not None and file.subnet.config.gradient_taps:
        fusion = file.subnet.config.fusion
        told = file.subnet.config.label_taps
        gradient_of = "log p(y | x) of the label asked for" if told else "log p(x)"
    return {
        "classifier_parameters": count_parameters(file.backbone()),
        "fusion": fusion,
        "gradient_taps_of": gradient_of,
    }


def table(costs: dict[str, Cost]) -> str:
    """The costs of one reverse step of one clip, as text."""
    width = max(len(name) for name in costs)
    lines = [
        f"{'one reverse step, one clip':{width}}  {'params M [trainable]':>20}"
        f"  {'GMACs':>6} {'guided':>6}  {'MiB':>5} {'guided':>6}"
    ]
    for name, cost in costs.items():
        parameters = f"{cost.parameters / 1e6:.2f} [{cost.trainable / 1e6:.2f}]"
        gmacs = "-" if cost.guided_gmacs is None else f"{cost.guided_gmacs:.2f}"
        mib = "-" if cost.guided_mib is None else f"{cost.guided_mib:.1f}"
        lines.append(
            f"{name:{width}}  {parameters:>20}  {cost.unconditional_gmacs:6.2f} {gmacs:>6}"
            f"  {cost.unconditional_mib:5.1f} {mib:>6}"
        )
    return "\n".join(lines)
