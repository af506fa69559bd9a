"""Our own vocoder: Vocos from one safetensors file; the shipped one is inside the package."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.audio.vocoder import audio_samples, checked
from scoresubnet.networks.vocos import Vocos, VocosConfig
from scoresubnet.tensor_files import (
    WeightsError,
    from_plain,
    load_strictly,
    read_tensors,
    write_tensors,
)

FORMAT = "scoresubnet-vocoder/1"
FILE_NAME = "vocoder.safetensors"
SHIPPED = Path(str(resources.files("scoresubnet"))) / "pretrained/vocoders/vocos-16khz.safetensors"


@dataclass
class VocoderFile:
    """What a file holds: the network, with its Mel settings, and free notes by key."""

    network: Vocos
    notes: dict[str, str] = field(default_factory=dict)


class VocosVocoder(nn.Module):
    """Vocos behind the `Vocoder` protocol."""

    name = "ours"

    def __init__(self, network: Vocos) -> None:
        super().__init__()
        self.network = network.eval()
        self.mel = network.mel

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or too few frames.
        """
        x = checked(x, self.mel, "The vocoder")
        audio = self.network(x)[:, : audio_samples(x.shape[3], self.mel)]
        return audio / audio.abs().amax(dim=1, keepdim=True).clamp(min=1)


def save_vocoder(vocoder: VocoderFile, path: str | os.PathLike[str]) -> None:
    """Write the file, in float16: the rounding is far below what can be heard."""
    network = vocoder.network
    metadata = {
        "format": FORMAT,
        "config": json.dumps(dataclasses.asdict(network.config)),
        "mel": json.dumps(network.mel.to_dict()),
        "mel_hash": network.mel.hash,
        "notes": json.dumps(vocoder.notes),
    }
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    write_tensors(path, tensors, metadata, torch.float16)


def read_vocoder(source: str | os.PathLike[str]) -> VocoderFile:
    """Read a vocoder, strictly.

    Args:
        source: a file, or a folder that holds `vocoder.safetensors`.

    Raises:
        WeightsError: nothing is there, or it is truncated, foreign, or does not fit its own config.
    """
    path = vocoder_path(source)
    tensors, metadata = read_tensors(path, FORMAT)
    try:
        config = from_plain(VocosConfig, json.loads(metadata["config"]))
        mel = MelSettings.from_dict(json.loads(metadata["mel"]))
        notes = json.loads(metadata.get("notes", "{}"))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: its metadata is damaged or of another version: {error}"
        ) from error
    if mel.hash != metadata.get("mel_hash"):
        raise WeightsError(
            f"{path}: made for features {metadata.get('mel_hash')}, "
            f"but its settings hash to {mel.hash}"
        )
    network = Vocos(config, mel)
    load_strictly(path, {"network": network}, tensors)
    return VocoderFile(network.eval(), notes)


def vocoder_path(source: str | os.PathLike[str]) -> Path:
    """The file itself, or the one in a folder.

    Raises:
        WeightsError: it is not there.
    """
    path = Path(source)
    if path.is_dir():
        path = path / FILE_NAME
    if not path.is_file():
        raise WeightsError(
            f"{source}: no vocoder here; give a run of `scoresubnet train vocoder`, or its "
            f"{FILE_NAME}"
        )
    return path
