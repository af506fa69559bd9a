"""A tiny model in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model import ScoreModel
from scoresubnet.weights import ModelFile, save_model


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> str:
    """A tiny model of random weights, as a file."""
    model = make_score_model("v", classes=2)
    path = tmp_path / "tiny.safetensors"
    settings = MelSettings()
    save_model(
        ModelFile(model.backbone.classifier, ("yes", "no"), model.sde, settings, model.subnet, "v"),
        path,
    )
    return str(path)
