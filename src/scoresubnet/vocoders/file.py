"""A pitch vocoder in one safetensors file; the shipped one is inside the package."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.process.caller import undisturbed
from scoresubnet.vocoders.paths import FORMAT, FORMER, vocoder_path
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.vocoders.pitch_network import PitchNetwork
from scoresubnet.weight_files.file_metadata import (
    WeightsError,
    from_plain,
    metadata_errors,
)
from scoresubnet.weight_files.tensor_files import (
    load_strictly,
    part_tensors,
    read_described,
    write_described,
)


@dataclass
class VocoderFile:
    """The content of a file: the network that reads the pitch, its front end, free notes by key."""

    network: PitchNetwork
    mel: MelSettings
    notes: dict[str, str] = field(default_factory=dict)


def save_vocoder(vocoder: VocoderFile, path: str | os.PathLike[str]) -> None:
    """Write the file, in float16: the rounding is far below what can be heard."""
    about = {"config": dataclasses.asdict(vocoder.network.config), "notes": vocoder.notes}
    tensors = part_tensors({"network": vocoder.network})
    write_described(path, FORMAT, tensors, vocoder.mel, about, torch.float16)


@undisturbed()
def read_vocoder(source: str | os.PathLike[str]) -> VocoderFile:
    """Read a vocoder, strictly.

    Args:
        source: a file, or a folder that holds `vocoder.safetensors`.

    Raises:
        WeightsError: nothing is there, or it is truncated, foreign, of version 0.1 and with filters
            of its own, or does not fit its own config.
    """
    path = vocoder_path(source)
    tensors, about, mel = read_described(path, FORMAT, FORMER)
    with metadata_errors(path), torch.device("meta"):
        former = "pitch_width" in about["config"]
        values = _of_version_2(path, about["config"]) if former else about["config"]
        network = PitchNetwork(from_plain(PitchNetworkConfig, values), mel.n_mels)
    if former:
        tensors = {
            name.replace("network.pitch.", "network.").replace(".trunk.", "."): tensor
            for name, tensor in tensors.items()
        }
    load_strictly(path, {"network": network}, tensors)
    return VocoderFile(network.eval(), mel, about["notes"])


def _of_version_2(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The config in a file of version 0.1 as a `PitchNetworkConfig`."""
    if values["blocks"]:
        raise WeightsError(
            f"{path}: this vocoder has Vocos filters, which only version 0.1 could run; "
            "train one with scoresubnet train vocoder --config pitch-16khz-vocoder"
        )
    shape = PitchNetworkConfig(values["pitch_width"], values["pitch_blocks"], values["kernel"])
    return dataclasses.asdict(shape)
