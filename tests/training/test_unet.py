"""Training of the U-Net."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.losses import dsm_loss
from scoresubnet.model import UNetModel
from scoresubnet.networks.unet import UNet, UNetConfig
from scoresubnet.sde import VPSDE
from scoresubnet.training.config import UNetTraining
from scoresubnet.training.denoising import DenoisingModule
from scoresubnet.training.steps import seeded
from scoresubnet.training.unet import train_unet
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weights import ModelFile, load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore")
MakeUNet = Callable[..., UNetTraining]
TOLD = UNetConfig((8, 16), (1, 1), (1, 1), 1, patch=4, time_dim=16, label_conditioned=True)


def test_every_part_of_it_is_trained_and_saved(
    unet_run: MakeUNet, tmp_path: Path, tensors: Callable[[Path], dict[str, Tensor]]
) -> None:
    before = UNet(TOLD, 2).state_dict()
    returned = train_unet(unet_run(unet=TOLD), tmp_path)
    loaded = load_model(tmp_path)
    assert (loaded.labels, loaded.parametrisation) == (("hum", "hiss"), "epsilon")
    assert loaded.unet is not None
    assert loaded.unet.config == TOLD
    after = tensors(tmp_path)
    assert {name.removeprefix("unet.") for name in after} == before.keys()
    zeros = [name for name, value in after.items() if not value.any()]
    assert not zeros  # convolutions that started at zero have moved
    with seeded(unet_run().run.seed):
        drawn = UNet(TOLD, 2).labels.weight
    moved = (after["unet.labels.weight"] - drawn).abs()
    assert 0 < moved[0].max() < 0.1
    assert returned.unet is not None
    x, t = torch.randn(2, 1, 80, 64, generator=torch.Generator().manual_seed(0)), torch.rand(2)
    labels = torch.tensor([1, -1])
    with torch.no_grad():
        found = loaded.score_model().score(x, t, labels)
        expected = returned.score_model().score(x, t, labels)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_resumed_run_is_the_same_run(
    unet_run: MakeUNet, tmp_path: Path, assert_same: Callable[[Path, Path], None]
) -> None:
    config = unet_run(unet=TOLD)
    train_unet(config, tmp_path / "whole")
    half = dataclasses.replace(config.run, steps=4, minutes=1e-9)
    for _ in range(5):
        train_unet(dataclasses.replace(config, run=half), tmp_path / "parts")
    assert_same(tmp_path / "whole", tmp_path / "parts")


def test_it_starts_from_one_of_the_same_kind(
    unet_run: MakeUNet, classifier: Path, tmp_path: Path, assert_same: Callable[[Path, Path], None]
) -> None:
    train_unet(unet_run(unet=TOLD), tmp_path / "first")
    still = dataclasses.replace(unet_run().optimiser, learning_rate=0.0)
    again = partial(train_unet, start=tmp_path / "first")
    again(unet_run(steps=1, unet=TOLD, optimiser=still), tmp_path / "second")
    assert_same(tmp_path / "first", tmp_path / "second")
    with pytest.raises(ValueError, match="without a U-Net"):
        train_unet(unet_run(), tmp_path / "third", start=classifier)
    with pytest.raises(ValueError, match="another parametrisation"):
        again(unet_run(unet=TOLD, parametrisation="v"), tmp_path / "third")
    turned = dataclasses.replace(unet_run().data, words=("hiss", "hum"))
    with pytest.raises(ValueError, match="another set of words"):
        again(unet_run(unet=TOLD, data=turned), tmp_path / "third")
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_labels_are_told_but_for_those_that_are_dropped(
    dropout: float,
    unet_run: MakeUNet,
    make_unet: Callable[..., UNet],
    batch: tuple[Tensor, Tensor, Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, _, labels = batch
    model = UNetModel(make_unet(label_conditioned=True), VPSDE(), "epsilon")
    module = DenoisingModule(unet_run(label_dropout=dropout), model, MelSettings(), range(3))
    monkeypatch.setattr(module, "log", lambda *args, **kwargs: None)
    monkeypatch.setattr(type(module), "global_step", property(lambda self: 0))
    x0, _, noise, t = module.noisy((x, labels))
    told = labels if dropout == 0 else torch.full_like(labels, -1)
    expected, other = (
        dsm_loss(partial(model, labels=y), x0, noise, t, model.sde, "epsilon").mean()
        for y in (told, (labels + 1) % 3)
    )
    loss: Any = module.training_step((x, labels), 0)
    torch.testing.assert_close(loss, expected)
    assert (loss - other).abs() > 1e-4


def test_a_shape_that_cannot_be_halved_is_refused(unet_run: MakeUNet, tmp_path: Path) -> None:
    """Before the data are read, and in a file."""
    deep = UNetConfig((8,) * 5, (1,) * 5, (1,) * 5, 1, patch=2, time_dim=16)
    with pytest.raises(ValueError, match="80 x 64 does not divide by 32"):
        train_unet(unet_run(unet=deep), tmp_path / "run")
    file = ModelFile(None, ("a",), VPSDE(), MelSettings(), parametrisation="v", unet=UNet(deep))
    save_model(file, tmp_path / "deep.safetensors")
    with pytest.raises(WeightsError, match="does not divide by 32"):
        load_model(tmp_path / "deep.safetensors")
