"""Weights of a U-Net, and of its guide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.networks.unet import UNet
from scoresubnet.sde import VPSDE
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weights import ModelFile, load_model, save_model

Batch = tuple[Tensor, Tensor, Tensor]


LABELS = ("left", "right", "go")


def unet_file(unet: UNet, **fields: Any) -> ModelFile:
    values: dict[str, Any] = {"labels": LABELS, "parametrisation": "v", "unet": unet}
    values |= {"sde": VPSDE(0.2, 15.0, 2e-3), "mel": MelSettings(log_max=2.5)}
    return ModelFile(classifier=None, **(values | fields))


def test_round_trip_of_a_u_net(
    make_unet: Callable[..., UNet], tmp_path: Path, batch: Batch
) -> None:
    file = unet_file(make_unet(label_conditioned=True))
    save_model(file, tmp_path / "unet.safetensors")
    loaded = load_model(tmp_path / "unet.safetensors")
    assert (loaded.classifier, loaded.subnet, loaded.labels) == (None, None, LABELS)
    assert (loaded.sde, loaded.mel, loaded.parametrisation) == (file.sde, file.mel, "v")
    x, t, labels = batch
    with torch.no_grad():
        found = loaded.score_model().score(x, t, labels)
        assert torch.equal(found, file.score_model().score(x, t, labels))
    with pytest.raises(WeightsError, match="name a classifier"):
        loaded.backbone()


def test_a_u_net_is_guided_by_other_weights(
    model: ModelFile, make_unet: Callable[..., UNet], batch: Batch
) -> None:
    """It knows two of the classifier's three labels, in another order."""
    unet = make_unet(2, label_conditioned=True)
    guided = unet_file(unet, labels=("go", "left")).guided_by(model).score_model()
    assert guided.classifier is not None
    x, t, _ = batch
    with torch.no_grad():
        told = guided(x, t, torch.tensor([2, 0, 1]))
        assert torch.equal(told, unet(x, t, torch.tensor([0, 1, -1])))


def test_a_guide_that_does_not_fit_is_refused(
    model: ModelFile, make_unet: Callable[..., UNet]
) -> None:
    unet = unet_file(make_unet())
    with pytest.raises(ValueError, match="is for guiding a U-Net"):
        model.guided_by(model)
    with pytest.raises(WeightsError, match="without a classifier"):
        unet.guided_by(unet)
    with pytest.raises(ValueError, match="another noise process"):
        unet_file(make_unet(), sde=VPSDE()).guided_by(model)
    with pytest.raises(ValueError, match="another front end"):
        unet_file(make_unet(), mel=MelSettings()).guided_by(model)
