"""What a trained model of a table costs: size, a step of sampling, and its training."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from scoresubnet.cost import count_gmacs, model_cost
from scoresubnet.files import write_json
from scoresubnet.losses import dsm_loss
from scoresubnet.model import DiffusionModel
from scoresubnet.weights import load_model

FILE = "costs.json"
REPEATS = 20
PAUSE = 60.0  # seconds between two rows of a log, from which on the training was stopped between


def keep_costs(folder: Path, classifier: Path) -> None:
    """Write `costs.json` into the folder of a finished run, unless it is there.

    Multiply-adds and times are of one clip, on the CPU; a step of sampling with guidance, if the
    model can be guided, by the classifier in the folder `classifier` where it has none of its own.
    """
    if (folder / FILE).is_file():
        return
    file = load_model(folder)
    if file.unet is not None and not file.unet.config.label_conditioned:
        file = file.guided_by(load_model(classifier))
    model = file.score_model().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shape = (file.mel.n_mels, file.mel.frames)
    x, t = torch.zeros(1, 1, *shape), torch.full((1,), 0.5)
    labels = torch.zeros(1, dtype=torch.long)
    guided = model.with_class_gradient(labels)
    costs = {
        **asdict(model_cost(model, shape)),
        "training_gmacs": training_gmacs(model, x),
        "step_ms": milliseconds(lambda: model(x, t)),
        "guided_step_ms": milliseconds(lambda: guided(x, t)),
        "training_seconds": training_seconds(folder / "log.jsonl"),
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
    }
    write_json(folder / FILE, costs)


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


def training_seconds(log: Path) -> float:
    """Seconds that a run has trained, from the times of the rows of its log, stops left out."""
    times = [json.loads(line)["time"] for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [b - a for a, b in pairwise(times)]
    return sum(step for step in steps if 0 < step < PAUSE)
