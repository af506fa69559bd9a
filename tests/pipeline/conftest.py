"""A tiny generator, on torch and on graphs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from scoresubnet.audio.mel import MelSettings
from scoresubnet.export.run import export
from scoresubnet.model import ScoreModel
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.weights import ModelFile, save_model

LABELS = ("yes", "no", "stop")


@pytest.fixture
def save_tiny(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Callable[..., Path]:
    """save_tiny(**subnet fields) -> the run folder of a tiny model of random weights."""

    def save(**subnet: Any) -> Path:
        model = make_score_model("v", classes=len(LABELS), **subnet)
        parts = (MelSettings(), model.subnet, "v")
        file = ModelFile(model.backbone.classifier, LABELS, model.sde, *parts)
        save_model(file, tmp_path / "model.safetensors")
        return tmp_path

    return save


@pytest.fixture
def weights(save_tiny: Callable[..., Path]) -> Path:
    """The run folder of a tiny model of random weights."""
    return save_tiny()


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[Path], None]:
    """graphs(folder): put the graphs of the tiny model beside its weights, made once for all."""
    own = tmp_path_factory.getbasetemp()
    made = (own if worker_id == "master" else own.parent) / "graphs"

    def beside(folder: Path) -> None:
        with FileLock(f"{made}.lock"):
            if not made.exists():
                export(folder, unfinished := made.with_suffix(".part"))
                unfinished.rename(made)
        for path in made.glob("*.onnx"):
            shutil.copy(path, folder)

    return beside


@pytest.fixture(params=["torch", "onnx"])
def generator(
    weights: Path, graphs: Callable[[Path], None], request: pytest.FixtureRequest
) -> SpeechGenerator:
    if request.param == "onnx":
        graphs(weights)
    return SpeechGenerator.from_pretrained(weights, backend=request.param)
