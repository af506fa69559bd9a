"""A tiny model, and its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model import ScoreModel
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile, save_model

LABELS = ("left", "right", "go")


@pytest.fixture
def model(make_score_model: Callable[..., ScoreModel]) -> ModelFile:
    made = make_score_model("v", fusion="addition")
    return ModelFile(
        classifier=made.backbone.classifier,
        labels=LABELS,
        sde=VPSDE(0.2, 15.0, 2e-3),
        mel=MelSettings(log_max=2.5),
        subnet=made.subnet,
        parametrisation="v",
        notes={"licence": "CC BY 4.0", "words": "drei Wörter"},
    )


@pytest.fixture
def saved(model: ModelFile, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(model, path)
    return path
