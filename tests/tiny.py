"""A model of a few words, untrained, just large enough to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.sde import VPSDE
from scoresubnet.weights import ModelFile


def tiny_model(words: Sequence[str], label_taps: bool = False, **rest: Any) -> ModelFile:
    """The model; `rest` are further fields of `ModelFile`."""
    torch.manual_seed(0)
    config = ClassifierConfig(widths=(8,), blocks=(1,), bottleneck_blocks=1, patch=8, time_dim=8)
    subnet = SubnetConfig(
        widths=(8, 8, 8),
        blocks=(1, 1, 1),
        fusion="concatenation",
        time_dim=8,
        label_taps=label_taps,
    )
    return ModelFile(
        Classifier(config, len(words)),
        tuple(words),
        VPSDE(),
        MelSettings(),
        ScoreSubnet(subnet, config),
        "v",
        {"licence": "none"},
        **rest,
    )
