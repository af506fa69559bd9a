"""Metadata that no memory holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import safetensors.torch
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.tensor_files import WeightsError, mel_metadata
from scoresubnet.vocoders.file import FORMAT, read_vocoder
from scoresubnet.vocoders.pitch_network import PitchNetworkConfig

DEEP = 100_000 * "[" + 100_000 * "]"
HUGE = json.dumps(asdict(PitchNetworkConfig(width=10**12)))


@pytest.mark.parametrize("config", [DEEP, HUGE, "[]", "3"])
def test_a_config_beyond_reason_is_named(tmp_path: Path, config: str) -> None:
    metadata = {"format": FORMAT, "config": config} | mel_metadata(MelSettings())
    path = tmp_path / "vocoder.safetensors"
    safetensors.torch.save_file({"x": torch.zeros(1)}, path, metadata)
    with pytest.raises(WeightsError, match=r"vocoder\.safetensors: its metadata is damaged"):
        read_vocoder(path)
