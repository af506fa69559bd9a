"""The weights of a tiny model."""

from pathlib import Path

import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile, save_model


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """An untrained model of two words, just large enough to run."""
    torch.manual_seed(0)
    words = ("seven", "nine")
    config = ClassifierConfig(widths=(8,), blocks=(1,), bottleneck_blocks=1, patch=8, time_dim=8)
    subnet = SubnetConfig(widths=(8, 8, 8), blocks=(1, 1, 1), fusion="concatenation", time_dim=8)
    model = ModelFile(
        Classifier(config, len(words)),
        words,
        VPSDE(),
        MelSettings(),
        ScoreSubnet(subnet, config),
        "v",
        {"licence": "none"},
    )
    save_model(model, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"
