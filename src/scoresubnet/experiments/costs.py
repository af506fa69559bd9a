"""What a trained model of a table costs: size, a step of sampling, and its training."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scoresubnet.cost import count_gmacs, model_cost
from scoresubnet.files import write_json
from scoresubnet.losses import dsm_loss
from scoresubnet.model import DiffusionModel
from scoresubnet.training.logs import LOG, median_pace
from scoresubnet.weights import load_model

COSTS, SPEED = "costs.json", "speed.json"
REPEATS = 20


def keep_costs(folder: Path, guide: Path | None) -> None:
    """Write `costs.json` into the folder of a finished run, unless it is there.

    Multiply-adds are of one clip. A step of sampling is with guidance, if the model can be guided:
    of a U-Net by the classifier in the folder `guide`, if there is one.
    """
    if (folder / COSTS).is_file():
        return
    model, shape = _load(folder, guide)
    costs = {
        **asdict(model_cost(model, shape)),
        "training_gmacs": training_gmacs(model, torch.zeros(1, 1, *shape)),
        "training_seconds": training_seconds(folder / LOG),
    }
    write_json(folder / COSTS, costs)


def keep_speed(out: Path, models: Mapping[str, tuple[Path, Path | None]]) -> None:
    """Write `speed.json` unless it has all models: milliseconds of a step of each, one after other.

    All are timed in one go, so that none ran while the machine was busier than for the others.

    Args:
        out: folder of the experiment.
        models: key -> (run, guide), as for `keep_costs`.
    """
    path = out / SPEED
    if path.is_file() and set(models) <= set(
        json.loads(path.read_text(encoding="utf-8"))["models"]
    ):
        return
    found: dict[str, Any] = {}
    for key, (folder, guide) in models.items():
        model, shape = _load(folder, guide)
        x, t = torch.zeros(1, 1, *shape), torch.full((1,), 0.5)
        both = model.with_class_gradient(torch.zeros(1, dtype=torch.long))
        found[key] = {
            "step_ms": milliseconds(lambda: model(x, t)),  # noqa: B023
            "guided_step_ms": milliseconds(lambda: both(x, t)),  # noqa: B023
        }
    machine = platform.processor() or platform.machine()
    write_json(path, {"machine": machine, "threads": torch.get_num_threads(), "models": found})


def _load(folder: Path, guide: Path | None) -> tuple[DiffusionModel, tuple[int, int]]:
    """The model of a run as `generate` has it, and the bands and frames of its log-Mels."""
    file = load_model(folder)
    if guide is not None:
        file = file.guided_by(load_model(guide))
    model = file.score_model().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, (file.mel.n_mels, file.mel.frames)


def training_gmacs(model: DiffusionModel, x: Tensor) -> float:
    """Multiply-adds of one clip x (1, 1, F, T) in one training step, in units of 1e9."""
    labels = torch.zeros(1, dtype=torch.long)
    t = torch.full((1,), 0.5)

    def step() -> None:
        def network(x: Tensor, t: Tensor) -> Tensor:
            return model(x, t, labels)

        losses = dsm_loss(network, x, x, t, model.sde, model.parametrisation)
        losses.sum().backward()

    return count_gmacs(step)


@torch.no_grad()
def milliseconds(step: Callable[[], object]) -> float:
    """The median time of a step, after three to warm up."""
    found = []
    for k in range(REPEATS + 3):
        start = time.perf_counter()
        step()
        if k >= 3:
            found.append(1e3 * (time.perf_counter() - start))
    return statistics.median(found)


def training_seconds(log: Path) -> float | None:
    """Seconds that all steps of a run take at their median pace, stops and validation left out.

    Args:
        log: its `log.jsonl`, whose rows of training are twenty steps apart.

    Returns:
        None where fewer than two rows were logged.
    """
    pace = median_pace(log)
    if pace is None:
        return None
    lines = log.read_text(encoding="utf-8").splitlines()
    return pace * (1 + max(json.loads(line)["step"] for line in lines))
