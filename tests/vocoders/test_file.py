"""The vocoder's file, of today and of version 0.1."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from scoresubnet.audio.mel import MelSettings
from scoresubnet.vocoders import load_vocoder
from scoresubnet.vocoders.file import VocoderFile, read_vocoder, save_vocoder
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.vocoders.pitch_network import PitchNetwork
from scoresubnet.weight_files.file_metadata import WeightsError


@pytest.fixture
def vocoder() -> VocoderFile:
    torch.manual_seed(0)
    return VocoderFile(PitchNetwork(PitchNetworkConfig(8, 2, 3), 80), MelSettings())


def test_a_file_comes_back_rounded_to_float16(vocoder: VocoderFile, tmp_path: Path) -> None:
    vocoder.notes = {"data": "mine"}
    save_vocoder(vocoder, tmp_path / "vocoder.safetensors")
    for source in (tmp_path, tmp_path / "vocoder.safetensors"):
        back = read_vocoder(source)
        assert (back.notes, back.mel) == ({"data": "mine"}, vocoder.mel)
        assert back.network.config == vocoder.network.config
        assert not back.network.training
        for a, b in zip(vocoder.network.parameters(), back.network.parameters(), strict=True):
            assert b.dtype == torch.float32
            assert torch.equal(a.half().float(), b)


def rewrite(path: Path, drop: str | None = None, **metadata: str) -> None:
    with safe_open(path, "pt") as file:
        before = file.metadata()
    tensors = load_file(path)
    if drop:
        del tensors[drop]
    save_file(tensors, path, before | metadata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other/1"}, "format 'other/1'"),
        ({"mel_hash": "0" * 16}, "made for features 0000000000000000"),
        ({"config": "{}"}, "metadata is damaged"),
        ({"drop": "network.head.bias"}, "1 tensors missing"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused(
    change: dict[str, str], message: str, vocoder: VocoderFile, tmp_path: Path
) -> None:
    path = tmp_path / "vocoder.safetensors"
    save_vocoder(vocoder, path)
    rewrite(path, **change)
    with pytest.raises(WeightsError, match=message):
        read_vocoder(path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no vocoder here"):
        read_vocoder(tmp_path)
    (tmp_path / "vocoder.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        read_vocoder(tmp_path)


def as_version_2(path: Path, blocks: int) -> None:
    """Give a file the format, the config and the names that version 0.1 wrote."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    c = json.loads(metadata["config"])
    config = {"width": 256, "hidden": 512, "blocks": blocks, "kernel": c["kernel"]}
    config |= {"pitch_width": c["width"], "pitch_blocks": c["blocks"]}
    metadata |= {"format": "scoresubnet-vocoder/2", "config": json.dumps(config)}
    tensors = {}
    for name, tensor in load_file(path).items():
        inside = name.removeprefix("network.")
        trunk = "" if inside.startswith("head.") else "trunk."
        tensors[f"network.pitch.{trunk}{inside}"] = tensor
    save_file(tensors, path, metadata)


def test_a_file_of_version_0_1_without_filters_is_read(
    vocoder: VocoderFile, tmp_path: Path
) -> None:
    path = tmp_path / "vocoder.safetensors"
    save_vocoder(vocoder, path)
    now = read_vocoder(path).network
    as_version_2(path, blocks=0)
    then = read_vocoder(path).network
    assert then.config == now.config
    for (name, a), b in zip(now.named_parameters(), then.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_a_file_of_version_0_1_with_filters_is_refused(
    vocoder: VocoderFile, tmp_path: Path
) -> None:
    path = tmp_path / "vocoder.safetensors"
    save_vocoder(vocoder, path)
    as_version_2(path, blocks=8)
    with pytest.raises(WeightsError, match="has Vocos filters, which only version 0"):
        read_vocoder(path)


def test_a_run_serves_by_name(vocoder: VocoderFile, tmp_path: Path) -> None:
    save_vocoder(vocoder, tmp_path / "vocoder.safetensors")
    x = np.random.default_rng(0).standard_normal((1, 1, 80, 64), np.float32)
    found = load_vocoder(f"pitch:{tmp_path}")
    assert found.name == "pitch"
    assert found(x).shape == (1, 16_000)
    with pytest.raises(ValueError, match="made for other Mel settings"):
        load_vocoder(f"pitch:{tmp_path}", MelSettings(log_max=3.0))
