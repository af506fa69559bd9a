"""Weights to adapt."""

from pathlib import Path

import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.sampling import Sampling
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile, save_model


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of three other words, one of which is recorded, too."""
    torch.manual_seed(0)
    config = ClassifierConfig(widths=(8,), blocks=(1,), bottleneck_blocks=1, patch=8, time_dim=8)
    subnet = SubnetConfig(
        widths=(8, 8, 8), blocks=(1, 1, 1), fusion="concatenation", time_dim=8, label_taps=True
    )
    words = ("seven", "hum", "nine")
    model = ModelFile(
        Classifier(config, 3),
        words,
        VPSDE(),
        MelSettings(),
        ScoreSubnet(subnet, config),
        "v",
        {"licence": "none"},
        Sampling("ddim", 1, "uniform", 2.0, "constant"),
        {"7": "seven", "mm": "hum"},
    )
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(model, path)
    return path
