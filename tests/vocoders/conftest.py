"""Small HiFi-GANs of seeded weights, in folders with the files and names of published ones."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

KERNELS, DILATIONS = [3, 7, 11], [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
FACTORS, UP_KERNELS, CHANNELS = [8, 8, 2, 2], [16, 16, 4, 4], 32

# As in speechbrain/tts-hifigan-libritts-16kHz, but for the channels.
HYPERPARAMETERS = f"""\
in_channels: 80
out_channels: 1
resblock_type: "1"
resblock_dilation_sizes: {DILATIONS}
resblock_kernel_sizes: {KERNELS}
upsample_kernel_sizes: {UP_KERNELS}
upsample_initial_channel: {CHANNELS}
upsample_factors: {FACTORS}

inference_padding: 5
cond_channels: 0
conv_post_bias: True

generator: !new:speechbrain.lobes.models.HifiGAN.HifiganGenerator
  in_channels: !ref <in_channels>
  out_channels: !ref <out_channels>
  resblock_type: !ref <resblock_type>
  resblock_dilation_sizes: !ref <resblock_dilation_sizes>
  resblock_kernel_sizes: !ref <resblock_kernel_sizes>
  upsample_kernel_sizes: !ref <upsample_kernel_sizes>
  upsample_initial_channel: !ref <upsample_initial_channel>
  upsample_factors: !ref <upsample_factors>
  inference_padding: !ref <inference_padding>
  cond_channels: !ref <cond_channels>
  conv_post_bias: !ref <conv_post_bias>

modules:
  generator: !ref <generator>

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables:
    generator: !ref <generator>
"""

# As in microsoft/speecht5_hifigan, but for the channels and the upsampling.
CONFIG = {
    "architectures": ["SpeechT5HifiGan"],
    "initializer_range": 0.01,
    "leaky_relu_slope": 0.1,
    "model_in_dim": 80,
    "model_type": "hifigan",
    "normalize_before": True,
    "resblock_dilation_sizes": DILATIONS,
    "resblock_kernel_sizes": KERNELS,
    "sampling_rate": 16000,
    "torch_dtype": "float32",
    "transformers_version": "4.27.0.dev0",
    "upsample_initial_channel": CHANNELS,
    "upsample_kernel_sizes": UP_KERNELS,
    "upsample_rates": FACTORS,
}

# Our recipe, as a user would state it.
RECIPE = {
    "sample_rate": 16000,
    "n_fft": 1024,
    "win_length": 1024,
    "hop_length": 256,
    "n_mels": 80,
    "f_min": 0,
    "f_max": 8000,
    "power": 1,
    "floor": 1e-5,
    "mel_scale": "slaney",
    "norm": "slaney",
    "log": "ln",
}


def layers() -> Iterator[tuple[str, tuple[int, int, int], int]]:
    """(speechbrain's name, shape of the weight, size of the bias) of every layer."""
    yield "conv_pre", (CHANNELS, 80, 7), CHANNELS
    for i, kernel in enumerate(UP_KERNELS):
        width = CHANNELS // 2 ** (i + 1)
        yield f"ups.{i}", (2 * width, width, kernel), width
        for j, size in enumerate(KERNELS):
            for convs in ("convs1", "convs2"):
                for k in range(3):
                    yield f"resblocks.{3 * i + j}.{convs}.{k}", (width, width, size), width
    yield "conv_post", (1, CHANNELS // 2 ** len(FACTORS), 7), 1


def weight_norms(seed: int = 0) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Layer -> (magnitude g, direction v, bias)."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape, bias in layers():
        magnitude = 0.5 + torch.rand(shape[0], 1, 1, generator=generator)
        if name == "conv_post":
            magnitude *= 0.3  # tanh stays in its steep part
        direction = torch.randn(shape, generator=generator)
        found[name] = (magnitude, direction, 0.1 * torch.randn(bias, generator=generator))
    return found


def spelt(spelling: str, layer: str, magnitude: Tensor, direction: Tensor) -> dict[str, Tensor]:
    """A weight under the names that torch gives it: with a weight norm, old or new, or without."""
    if spelling == "weight_g":
        return {f"{layer}.weight_g": magnitude, f"{layer}.weight_v": direction}
    if spelling == "parametrizations":
        names = [f"{layer}.parametrizations.weight.original{k}" for k in (0, 1)]
        return dict(zip(names, (magnitude, direction), strict=True))
    norm = direction.square().sum(dim=(1, 2), keepdim=True).sqrt()
    return {f"{layer}.weight": magnitude * direction / norm}


def speechbrain_tensors(spelling: str = "weight_g") -> OrderedDict[str, Tensor]:
    state: OrderedDict[str, Tensor] = OrderedDict()
    for name, (magnitude, direction, bias) in weight_norms().items():
        state[f"{name}.conv.bias"] = bias
        state |= spelt(spelling, f"{name}.conv", magnitude, direction)
    return state


def transformers_tensors(spelling: str = "weight") -> dict[str, Tensor]:
    """With a mean and a scale of the log-Mels, which the network takes off first."""
    state = {"mean": torch.linspace(-9, -4, 80), "scale": torch.linspace(1, 3, 80)}
    for name, (magnitude, direction, bias) in weight_norms().items():
        layer = name.replace("ups.", "upsampler.")
        state[f"{layer}.bias"] = bias
        state |= spelt(spelling, layer, magnitude, direction)
    return state


@pytest.fixture
def hyperparameters() -> str:
    """A `hyperparams.yaml`."""
    return HYPERPARAMETERS


@pytest.fixture
def transformers_config() -> dict[str, Any]:
    """A `config.json`."""
    return dict(CONFIG)


@pytest.fixture
def recipe() -> dict[str, Any]:
    """A `mel.json`."""
    return dict(RECIPE)


@pytest.fixture
def tensors_of_layers() -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Layer -> (magnitude g, direction v, bias): what is in every folder."""
    return weight_norms()


@pytest.fixture
def speechbrain_state() -> Callable[..., OrderedDict[str, Tensor]]:
    """speechbrain_state(spelling="weight_g") -> the tensors under speechbrain's names."""
    return speechbrain_tensors


@pytest.fixture
def transformers_state() -> Callable[..., dict[str, Tensor]]:
    """transformers_state(spelling="weight") -> the tensors under transformers' names."""
    return transformers_tensors


@pytest.fixture
def speechbrain_folder(tmp_path: Path) -> Callable[..., Path]:
    """speechbrain_folder(name, state, hyperparameters, mel.json) -> a folder; parts can be left."""

    def make(
        name: str = "tts-hifigan-libritts-16kHz",
        state: Any = None,
        hyperparameters: str = HYPERPARAMETERS,
        recipe: dict[str, Any] | None = None,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        torch.save(speechbrain_tensors() if state is None else state, folder / "generator.ckpt")
        (folder / "hyperparams.yaml").write_text(hyperparameters)
        if recipe is not None:
            (folder / "mel.json").write_text(json.dumps(recipe))
        return folder

    return make


@pytest.fixture
def transformers_folder(tmp_path: Path) -> Callable[..., Path]:
    """transformers_folder(state, file, config fields, mel.json) -> a folder."""

    def make(
        state: dict[str, Tensor] | None = None,
        file: str = "model.safetensors",
        config: dict[str, Any] | None = None,
        recipe: dict[str, Any] | None = RECIPE,
    ) -> Path:
        folder = tmp_path / "my-hifigan"
        folder.mkdir()
        state = transformers_tensors() if state is None else state
        if file == "model.safetensors":
            safetensors.torch.save_file(state, folder / file)
        else:
            torch.save(state, folder / file)
        (folder / "config.json").write_text(json.dumps({**CONFIG, **(config or {})}))
        if recipe is not None:
            (folder / "mel.json").write_text(json.dumps(recipe))
        return folder

    return make


@pytest.fixture(scope="session")
def x() -> NDArray[np.float32]:
    """Scaled log-Mels (3, 1, 80, 12)."""
    return 2 * np.random.default_rng(1).random((3, 1, 80, 12), np.float32) - 1
