"""Tiny recordings and models, that campaigns begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.sde import VPSDE
from scoresubnet.vocoders.file import VocoderFile, save_vocoder
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.vocoders.pitch_network import PitchNetwork
from scoresubnet.weights import ModelFile, save_model

WORDS = ("hum", "hiss")
CLASSIFIER: dict[str, Any] = {
    "widths": [8, 16], "blocks": [1, 1], "bottleneck_blocks": 1, "patch": 4, "time_dim": 16,
}  # fmt: skip
SUBNET: dict[str, Any] = {"widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1], "time_dim": 16}
TAKES = (0, 2, 4, 5, 6, 7, 13, 31, 1, 3)
"""By the hash of their names, six are for training, then two for validation, two for testing."""


def save_sound(path: Path, samples: int = 800, seed: int = 0, pitch: float | None = None) -> Path:
    """Noise at 16 kHz, or a tone; parent folders are made."""
    noise = 0.1 * np.random.default_rng(seed).standard_normal(samples)
    tone = 0.3 * np.sin(2 * np.pi * (pitch or 0) * np.arange(samples) / 16_000)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # libsndfile opens no names that are not UTF-8
        soundfile.write(file, 0.01 * noise + tone if pitch else noise, 16_000, format="WAV")
    return path


def save_words(root: Path) -> Path:
    """`hum/*.wav` are low tones, `hiss/*.wav` is noise."""
    for n, take in enumerate(TAKES):
        save_sound(root / "hum" / f"take{take}.wav", 16_000, n, 120 + 20 * n)
        save_sound(root / "hiss" / f"take{take}.wav", 16_000, n)
    return root


def save_models(folder: Path) -> Path:
    """`model.safetensors` with both networks, and `vocoder.safetensors`, both untrained."""
    torch.manual_seed(0)
    shape = ClassifierConfig(**{k: _tuple(v) for k, v in CLASSIFIER.items()})
    subnet = ScoreSubnet(SubnetConfig(**{k: _tuple(v) for k, v in SUBNET.items()}), shape)
    model = ModelFile(Classifier(shape, 2), WORDS, VPSDE(), MelSettings(), subnet, "v")
    save_model(model, folder / "model.safetensors")
    network = PitchNetwork(PitchNetworkConfig(width=8, blocks=1), MelSettings().n_mels)
    save_vocoder(VocoderFile(network, MelSettings()), folder / "vocoder.safetensors")
    return folder


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def config(kind: str, words: Path, cache: str, **run: Any) -> dict[str, Any]:
    """A tiny training, as its YAML file has it."""
    network = {"classifier": {"network": {**CLASSIFIER, "dropout": 0.2}}}
    network["score"] = {"subnet": SUBNET}
    augment = {"shift": 4, "stretch": 0.1, "warp": 0.1, "gain": 6, "noise": 0.5, "mask": 0.5}
    return {
        "data": {
            "sources": [{"kind": "folder", "root": str(words)}],
            "words": list(WORDS),
            "cache": cache,
            "batch_size": 4,
        },
        **network[kind],
        "augment": augment,
        "optimiser": {"learning_rate": 0.003, "warmup": 2, "ema_decay": 0.7},
        "run": {"seed": 3, **run},
    }
