"""Training of the evaluator: resumed runs, learning, refusals."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from scoresubnet.training.config import (
    AugmentConfig,
    DataConfig,
    EvaluatorTraining,
    OptimiserConfig,
    RunConfig,
)
from scoresubnet.training.evaluator import train_evaluator
from scoresubnet.word_evaluator.file import FRONT_END, read_evaluator
from scoresubnet.word_evaluator.network import ResNeXtConfig

pytestmark = pytest.mark.filterwarnings("ignore")
MakeEvaluator = Callable[..., EvaluatorTraining]


@pytest.fixture(scope="module")
def evaluator_run(data_config: Callable[..., DataConfig]) -> MakeEvaluator:
    """evaluator_run(steps=4, minutes=0, **config fields) -> a tiny run, everything random on."""

    def make(steps: int = 4, minutes: float = 0.0, **fields: Any) -> EvaluatorTraining:
        values: dict[str, Any] = {
            "data": data_config(),
            "network": ResNeXtConfig((4, 8), (1, 1), 2, dropout=0.3),
            "augment": AugmentConfig(3, 0.1, 0.1, 6, 0.5, 0.5, 0.5),
            "optimiser": OptimiserConfig(learning_rate=3e-3, warmup=2, ema_decay=0.7),
            "run": RunConfig(steps=steps, minutes=minutes, seed=3, validate_every=20),
        }
        return EvaluatorTraining(**(values | fields))

    return make


def test_a_stopped_and_resumed_run_is_the_same_run(
    evaluator_run: MakeEvaluator, tmp_path: Path
) -> None:
    train_evaluator(evaluator_run(steps=2), tmp_path / "straight")
    train_evaluator(evaluator_run(steps=2, minutes=1e-9), tmp_path / "stopped")
    halfway = load_file(tmp_path / "stopped" / "evaluator.safetensors")
    train_evaluator(evaluator_run(steps=2), tmp_path / "stopped")
    a, b = (load_file(tmp_path / out / "evaluator.safetensors") for out in ("straight", "stopped"))
    assert not [name for name in a if not torch.equal(a[name], b[name])]
    assert any(not torch.equal(a[name], halfway[name]) for name in a)


def test_it_learns_hum_from_hiss(evaluator_run: MakeEvaluator, tmp_path: Path) -> None:
    config = evaluator_run(
        augment=AugmentConfig(), run=RunConfig(steps=40, seed=3, validate_every=40)
    )
    train_evaluator(config, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert next(row for row in rows if "valid/accuracy" in row)["valid/accuracy"] == 1.0
    file = read_evaluator(tmp_path)
    assert (file.labels, file.mel) == (("hum", "hiss"), FRONT_END)


def test_another_config_is_refused_and_named(evaluator_run: MakeEvaluator, tmp_path: Path) -> None:
    train_evaluator(evaluator_run(steps=1), tmp_path)
    other = dataclasses.replace(evaluator_run(steps=1), label_smoothing=0.2)
    with pytest.raises(ValueError, match="another label_smoothing "):
        train_evaluator(other, tmp_path)


@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_impossible_smoothing_is_refused(evaluator_run: MakeEvaluator, value: float) -> None:
    with pytest.raises(ValueError, match="label_smoothing"):
        evaluator_run(label_smoothing=value)
