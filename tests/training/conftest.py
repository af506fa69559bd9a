"""Tiny recordings of two words, tiny runs on them, and what these leave."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from scoresubnet.data.sources import Source
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.networks.unet import UNetConfig
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import (
    ClassifierTraining,
    DataConfig,
    OptimiserConfig,
    RunConfig,
    ScoreTraining,
    UNetTraining,
)
from scoresubnet.training.modules import NoisyTraining
from scoresubnet.training.score import train_score


@pytest.fixture(scope="session")
def data_config(
    words_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., DataConfig]:
    """data_config(**fields) -> the two words in batches of four."""
    cache = tmp_path_factory.mktemp("cache")

    def make(**fields: Any) -> DataConfig:
        values: dict[str, Any] = {
            "sources": (Source("folder", str(words_folder)),),
            "words": ("hum", "hiss"),
            "cache": str(cache),
            "batch_size": 4,
        }
        return DataConfig(**(values | fields))

    return make


OPTIMISER = OptimiserConfig(learning_rate=3e-3, warmup=2, ema_decay=0.7)


@pytest.fixture(scope="session")
def classifier_run(
    data_config: Callable[..., DataConfig], tiny: ClassifierConfig
) -> Callable[..., ClassifierTraining]:
    """classifier_run(steps=4, run fields..., **config fields) -> a tiny classifier run."""

    def make(steps: int = 4, minutes: float = 0.0, **fields: Any) -> ClassifierTraining:
        values: dict[str, Any] = {
            "data": data_config(),
            "network": tiny,
            "optimiser": OPTIMISER,
            "run": RunConfig(steps=steps, minutes=minutes, seed=3, validate_every=2),
        }
        return ClassifierTraining(**(values | fields))

    return make


@pytest.fixture(scope="session")
def score_run(data_config: Callable[..., DataConfig]) -> Callable[..., ScoreTraining]:
    """score_run(steps=4, run fields..., **config fields) -> a tiny Score Subnet run."""

    def make(steps: int = 4, minutes: float = 0.0, **fields: Any) -> ScoreTraining:
        values: dict[str, Any] = {
            "data": data_config(),
            "subnet": SubnetConfig((8, 8, 8, 8), (1, 1, 1, 1), time_dim=16),
            "optimiser": OPTIMISER,
            "run": RunConfig(steps=steps, minutes=minutes, seed=3, validate_every=2),
        }
        return ScoreTraining(**(values | fields))

    return make


@pytest.fixture(scope="session")
def unet_run(data_config: Callable[..., DataConfig]) -> Callable[..., UNetTraining]:
    """unet_run(steps=4, **config fields) -> a tiny U-Net run."""

    def make(steps: int = 4, **fields: Any) -> UNetTraining:
        values: dict[str, Any] = {
            "data": data_config(),
            "unet": UNetConfig((8, 16), (1, 1), (1, 1), 1, patch=4, time_dim=16),
            "optimiser": OPTIMISER,
            "run": RunConfig(steps=steps, seed=3, validate_every=2),
        }
        return UNetTraining(**(values | fields))

    return make


@pytest.fixture(scope="session")
def classifier(
    classifier_run: Callable[..., ClassifierTraining], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a classifier trained for four steps without a stop; read only."""
    out = tmp_path_factory.mktemp("classifier")
    train_classifier(classifier_run(), out)
    return out


@pytest.fixture(scope="session")
def subnet(
    score_run: Callable[..., ScoreTraining],
    classifier: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of a Score Subnet trained on it for four steps without a stop; read only."""
    out = tmp_path_factory.mktemp("subnet")
    train_score(score_run(), classifier, out)
    return out


@pytest.fixture(scope="session")
def tensors() -> Callable[[Path], dict[str, Tensor]]:
    """tensors(out) -> those of the model in the folder of a run."""

    def tensors(out: Path) -> dict[str, Tensor]:
        return load_file(out / "model.safetensors")

    return tensors


@pytest.fixture(scope="session")
def assert_same(tensors: Callable[[Path], dict[str, Tensor]]) -> Callable[[Path, Path], None]:
    """assert_same(one, other): the folders of two runs hold the same weights, bit for bit."""

    def assert_same(one: Path, other: Path) -> None:
        a, b = tensors(one), tensors(other)
        assert a.keys() == b.keys()
        different = [name for name in a if not torch.equal(a[name], b[name])]
        assert not different

    return assert_same


@pytest.fixture(scope="session")
def rows() -> Callable[[Path], list[dict[str, Any]]]:
    """rows(out) -> the log in the folder of a run."""

    def rows(out: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]

    return rows


@pytest.fixture(scope="session")
def step_of() -> Callable[[Path], int]:
    """step_of(out) -> the step of the checkpoint."""
    return lambda out: int(torch.load(out / "checkpoint.ckpt", weights_only=True)["global_step"])


@pytest.fixture(scope="session")
def at_step() -> Callable[..., None]:
    """at_step(monkeypatch, module, step, act): act inside training step `step`, counted from 1."""

    def patch(
        monkeypatch: pytest.MonkeyPatch,
        module: type[NoisyTraining],
        step: int,
        act: Callable[[], None],
    ) -> None:
        real = module.training_step

        def training_step(self: Any, batch: Any, batch_idx: int) -> Any:
            if self.global_step == step - 1:
                act()
            return real(self, batch, batch_idx)

        monkeypatch.setattr(module, "training_step", training_step)

    return patch
