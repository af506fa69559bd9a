"""Weights to adapt."""

from pathlib import Path

import pytest

from scoresubnet.sampling import Sampling
from scoresubnet.weights import save_model
from tests.tiny import tiny_model


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of three other words, one of which is recorded, too."""
    model = tiny_model(
        ("seven", "hum", "nine"),
        label_taps=True,
        sampling=Sampling("ddim", 1, "uniform", 2.0, "constant"),
        aliases={"7": "seven", "mm": "hum"},
    )
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(model, path)
    return path
