"""HiFi-GAN (Kong, Kim & Bae, NeurIPS 2020) with published weights, run by `transformers`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scoresubnet.audio.hifigan_folder import (
    INSTALL,
    RECIPE,
    RECIPE_FILE,
    HifiGanFolder,
    Shape,
    find_folder,
    read_folder,
)
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.audio.vocoder import audio_samples, checked, refuse_other_features
from scoresubnet.tensor_files import WeightsError


class HifiGan(nn.Module):
    """HiFi-GAN as a vocoder of scaled log-Mels; `load_hifigan` makes it.

    Args:
        network: `transformers.SpeechT5HifiGan`, natural log-Mel (B, T, 80) -> audio (B, 256 T).
        settings: the front end that made x.
        context: frames, copies of the first and of the last, that are put around the log-Mel; what
            the network makes of them is cut off. They keep its zeros or reflections off the edges.
    """

    name = "hifigan"

    def __init__(self, network: nn.Module, settings: MelSettings, context: int = 0) -> None:
        super().__init__()
        self.network = network
        self.mel = settings
        self.context = context
        self.front_end = LogMel(settings)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        The network ends in tanh: no sample exceeds 1.

        Raises:
            ValueError: x has another shape, or fewer than 4 frames.
        """
        # Item by item: for another size of the batch, convolutions may round otherwise.
        items = checked(x, self.mel, "HiFi-GAN").split(1)
        start = self.context * self.mel.hop_length
        end = start + audio_samples(x.shape[3], self.mel)
        return torch.cat([self._waveform(item)[:, start:end] for item in items])

    def _waveform(self, x: Tensor) -> Tensor:
        """x (1, 1, 80, T) -> audio (1, 256 (T + 2 context))."""
        log_mel = F.pad(self.front_end.unscale(x), (self.context, self.context), mode="replicate")
        return self.network(log_mel.transpose(1, 2))


def load_hifigan(where: str, settings: MelSettings | None = None) -> HifiGan:
    """HiFi-GAN from a local folder or from the Hugging Face hub; nothing is unpickled.

    Args:
        where: a folder, or the id of one on the hub ("owner/name").
        settings: the front end that makes the features; `MelSettings()` if None.

    Raises:
        WeightsError: nothing is there, or it is damaged or of another network; tensors that are
            missing or unexpected are named.
        ValueError: it was trained on other log-Mels, or does not say on which.
        ImportError: `transformers` is not installed.
    """
    settings = settings or MelSettings()
    path = find_folder(where)
    folder = read_folder(path, where)
    ours = recipe_of(settings)
    refuse_other_features(f"hifigan:{where}", ours | (folder.recipe or {}) | folder.facts, ours)
    if folder.recipe is None:
        raise ValueError(
            f"{where}: the folder does not say on which log-Mels the vocoder was trained, and on "
            f"others it gives noise. If they are these, write them to {path / RECIPE_FILE}: "
            f"{json.dumps(ours)}"
        )
    return HifiGan(_network(folder), settings, folder.context).eval()


def recipe_of(settings: MelSettings) -> dict[str, Any]:
    """What natural log-Mels depend on of our front end, with the keys of `RECIPE`."""
    return RECIPE | {key: value for key, value in settings.to_dict().items() if key in RECIPE}


def _network(folder: HifiGanFolder) -> nn.Module:
    """transformers.SpeechT5HifiGan with the weights of the folder."""
    try:
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig
    except ImportError as error:
        raise ImportError(f"the vocoder hifigan needs transformers ({error}); {INSTALL}") from error
    stored = _read_tensors(folder.weights)
    with torch.device("meta"):  # neither time nor random numbers for weights that are replaced
        network: nn.Module = SpeechT5HifiGan(SpeechT5HifiGanConfig(**asdict(folder.shape)))
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    network.load_state_dict(_matched(folder, shapes, stored), assign=True)
    if folder.wrapped:
        for layer in network.modules():
            if isinstance(layer, nn.Conv1d):
                layer.padding_mode = "reflect"
    return network.requires_grad_(False).eval()


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a safetensors file, or of a pickled state dict of plain tensors."""
    try:
        if path.suffix == ".safetensors":
            stored: Any = safetensors.torch.load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can fail in any way
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(f"{path}: not a readable file of plain tensors ({first})") from error
    plain = isinstance(stored, Mapping) and all(isinstance(v, Tensor) for v in stored.values())
    if not plain:
        raise WeightsError(f"{path}: not a state dict: it holds more than named tensors")
    return dict(stored)


def _matched(
    folder: HifiGanFolder, shapes: Mapping[str, torch.Size], stored: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The tensors under the names of the network: all of them, and no other."""
    found = {} if folder.shape.normalize_before else _no_normalisation(folder.shape)
    used: set[str] = set()
    missing, misfits = [], []
    for name, shape in shapes.items():
        spellings = list(_spellings(_stored_name(name) if folder.wrapped else name))
        parts = next((p for p in spellings if stored.keys() >= set(p)), None)
        if parts is None:
            if name not in found:
                missing.append(spellings[0][0])
            continue
        used.update(parts)
        tensor = stored[parts[0]] if len(parts) == 1 else _weight(*(stored[p] for p in parts))
        found[name] = tensor.float()
        if tensor.shape != shape or not torch.isfinite(tensor).all():
            misfits.append(parts[-1])
    problems = {
        "missing": missing,
        "unexpected": sorted(stored.keys() - used),
        "of another shape or not finite": misfits,
    }
    if any(problems.values()):
        counts = [f"{len(n)} {kind} ({', '.join(n[:3])})" for kind, n in problems.items() if n]
        raise WeightsError(f"{folder.weights}: does not fit its config: {'; '.join(counts)}")
    return found


def _no_normalisation(shape: Shape) -> dict[str, Tensor]:
    """Mean and scale of the log-Mels, for a network that was trained without."""
    return {"mean": torch.zeros(shape.model_in_dim), "scale": torch.ones(shape.model_in_dim)}


def _stored_name(name: str) -> str:
    """speechbrain's name of a tensor: `upsampler.0.weight` is its `ups.0.conv.weight`."""
    layer, _, leaf = name.rpartition(".")
    return f"{layer.replace('upsampler', 'ups')}.conv.{leaf}"


def _spellings(name: str) -> Iterator[tuple[str, ...]]:
    """The names under which a tensor may be stored: itself, or the two of a weight norm."""
    layer, _, leaf = name.rpartition(".")
    yield (name,)
    yield (f"{name}_g", f"{name}_v")
    yield tuple(f"{layer}.parametrizations.{leaf}.original{k}" for k in (0, 1))


def _weight(magnitude: Tensor, direction: Tensor) -> Tensor:
    """Weight norm (Salimans & Kingma, NeurIPS 2016, eq. 2) over all but the first dimension."""
    norm = torch.linalg.vector_norm(direction, dim=tuple(range(1, direction.ndim)), keepdim=True)
    return magnitude * direction / norm if magnitude.shape == norm.shape else magnitude
