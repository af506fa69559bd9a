"""The network of a HiFi-GAN, from `transformers`, filled with the tensors that others published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from scoresubnet.foreign_weights import read_state_dict
from scoresubnet.tensor_files import WeightsError

INSTALL = "pip install 'transformers>=4.50'"


@dataclass(frozen=True)
class Shape:
    """Shape of the generator (Kong et al., section 2.2 and table 5), in transformers' words.

    Raises:
        ValueError: a value is not of its kind, or the lists do not fit one another.
    """

    model_in_dim: int
    upsample_initial_channel: int
    upsample_rates: list[int]
    upsample_kernel_sizes: list[int]
    resblock_kernel_sizes: list[int]
    resblock_dilation_sizes: list[list[int]]
    leaky_relu_slope: float = 0.1
    normalize_before: bool = False

    def __post_init__(self) -> None:
        dilations = self.resblock_dilation_sizes
        lists: list[Any] = [self.upsample_rates, self.upsample_kernel_sizes]
        lists += [self.resblock_kernel_sizes, [self.model_in_dim, self.upsample_initial_channel]]
        lists += dilations if isinstance(dilations, list) else [dilations]
        for sizes in lists:
            if not (isinstance(sizes, list) and sizes and all(natural(n) and n for n in sizes)):
                raise ValueError(f"{sizes!r} stands where positive whole numbers should")
        if len(self.upsample_rates) != len(self.upsample_kernel_sizes):
            raise ValueError("there are not as many upsampling kernels as upsampling factors")
        if len(self.resblock_kernel_sizes) != len(dilations):
            raise ValueError("there are not as many lists of dilations as kernels of residuals")
        if self.upsample_initial_channel % 2 ** len(self.upsample_rates):
            raise ValueError(f"{self.upsample_initial_channel} channels cannot be halved so often")


def read_network(path: Path, shape: Shape, wrapped: bool = False) -> nn.Module:
    """transformers.SpeechT5HifiGan with published weights; nothing is unpickled.

    Args:
        path: the file with the tensors.
        shape: of the network.
        wrapped: as of `hifigan_folder.HifiGanFolder`.

    Raises:
        WeightsError: the file is damaged or of another network; tensors that are missing or
            unexpected are named.
        ImportError: `transformers` is not installed.
    """
    try:
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig
    except ImportError as error:
        raise ImportError(f"the vocoder hifigan needs transformers ({error}); {INSTALL}") from error
    stored = read_state_dict(path)
    with torch.device("meta"):  # neither time nor random numbers for weights that are replaced
        network: nn.Module = SpeechT5HifiGan(SpeechT5HifiGanConfig(**asdict(shape)))
    sizes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    found = {} if shape.normalize_before else _no_normalisation(shape)
    network.load_state_dict(_matched(path, sizes, stored, found, wrapped), assign=True)
    if wrapped:
        for layer in network.modules():
            if isinstance(layer, nn.Conv1d):
                layer.padding_mode = "reflect"
    return network.requires_grad_(False).eval()


def _matched(
    path: Path,
    sizes: Mapping[str, torch.Size],
    stored: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    wrapped: bool,
) -> dict[str, Tensor]:
    """The tensors under the names of the network, those `given` included: all, and no other."""
    found = dict(given)
    used: set[str] = set()
    missing, misfits = [], []
    for name, size in sizes.items():
        spellings = list(_spellings(_stored_name(name) if wrapped else name))
        parts = next((p for p in spellings if stored.keys() >= set(p)), None)
        if parts is None:
            if name not in found:
                missing.append(spellings[0][0])
            continue
        used.update(parts)
        tensor = stored[parts[0]] if len(parts) == 1 else _weight(*(stored[p] for p in parts))
        found[name] = tensor.float()
        if tensor.shape != size or not torch.isfinite(tensor).all():
            misfits.append(parts[-1])
    problems = {
        "missing": missing,
        "unexpected": sorted(stored.keys() - used),
        "of another shape or not finite": misfits,
    }
    if any(problems.values()):
        counts = [f"{len(n)} {kind} ({', '.join(n[:3])})" for kind, n in problems.items() if n]
        raise WeightsError(f"{path}: does not fit its config: {'; '.join(counts)}")
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


def natural(value: Any) -> bool:
    """Whether a value of a config is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
