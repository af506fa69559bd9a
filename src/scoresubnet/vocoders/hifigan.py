"""HiFi-GAN (Kong, Kim & Bae, NeurIPS 2020) with published weights, run by `transformers`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.process.caller import undisturbed
from scoresubnet.vocoders.base import audio_samples, checked, refuse_other_features
from scoresubnet.vocoders.hifigan_folder import (
    INSTALL,
    RECIPE,
    RECIPE_FILE,
    SHAPE,
    SPEECHBRAIN,
    HifiGanFolder,
    find_folder,
    read_folder,
)
from scoresubnet.vocoders.pieces import joined, pieces
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.foreign_weights import read_state_dict, weights_hash

_DIRECTION = "parametrizations.weight.original1"  # of a weight norm, as torch names it


class HifiGan:
    """HiFi-GAN as a vocoder of scaled log-Mels; `load_hifigan` makes it.

    Args:
        network: `transformers.SpeechT5HifiGan`, natural log-Mel (B, T, 80) -> audio (B, 256 T).
        settings: the front end that made x.
        context: frames, copies of the first and of the last, that are put around the log-Mel; what
            the network makes of them is cut off. They keep its padding off the edges.
        padding: of its convolutions: "zeros" (transformers) or "reflect" (speechbrain).
    """

    name = "hifigan"

    def __init__(
        self, network: nn.Module, settings: MelSettings, context: int = 0, padding: str = "zeros"
    ) -> None:
        self.network, self.mel = network.eval(), settings
        self.context, self.padding = context, padding
        self.front_end = LogMel(settings)
        for layer in network.modules():
            if isinstance(layer, nn.Conv1d):
                layer.padding_mode = padding  # type: ignore[assignment]

    @property
    def settings(self) -> dict[str, Any]:
        """As of `base.Vocoder`."""
        own = {"name": self.name, "mel": self.mel.hash, "weights": weights_hash(self.network)}
        network = {name: getattr(self.network.config, name) for name in SHAPE}
        return own | {"context": self.context, "padding": self.padding, "network": network}

    @undisturbed()
    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        The network ends in tanh: no sample exceeds 1.

        Raises:
            ValueError: x has another shape, or fewer than 4 frames.
        """
        # Item by item: for another size of the batch, convolutions may round otherwise.
        items = np.split(checked(x, self.mel, "HiFi-GAN"), len(x))
        frames = x.shape[3]
        whole = np.concatenate([joined(self._pieces(item), frames, self.mel) for item in items])
        return whole[:, : audio_samples(frames, self.mel)]

    def _pieces(self, x: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """The sound of each piece of x (1, 1, 80, T); they overlap more than a frame reaches."""
        start = self.context * self.mel.hop_length
        for first, end in pieces(x.shape[3], self.mel):
            samples = (end - first - 1) * self.mel.hop_length
            yield self._waveform(x[..., first:end])[:, start : start + samples]

    def _waveform(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (1, 1, 80, T) -> audio (1, 256 (T + 2 context))."""
        around = ((0, 0), (0, 0), (self.context, self.context))
        log_mel = np.pad(self.front_end.unscale(x), around, mode="edge")
        return self.network(torch.from_numpy(log_mel).mT).numpy()


@undisturbed()
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
    folder, ours = read_folder(path, where), recipe_of(settings)
    if folder.recipe is None:
        raise ValueError(
            f"{where}: the folder does not say on which log-Mels the vocoder was trained, and on "
            f"others it gives noise; if they are these, write them to {path / RECIPE_FILE}: "
            f"{json.dumps(ours)}"
        )
    refuse_other_features(f"hifigan:{where}", folder.recipe, ours)
    return HifiGan(read_network(folder), settings, folder.context, folder.padding)


def recipe_of(settings: MelSettings) -> dict[str, Any]:
    """The settings of our front end that natural log-Mels depend on, with the keys of `RECIPE`."""
    return RECIPE | {key: value for key, value in settings.to_dict().items() if key in RECIPE}


def read_network(folder: HifiGanFolder) -> nn.Module:
    """transformers.SpeechT5HifiGan with the weights of the folder; nothing is unpickled.

    Raises:
        WeightsError: the config makes no network, or the file is damaged or of another network;
            tensors that are missing or unexpected are named.
        ImportError: `transformers` is not installed.
    """
    try:
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig
    except ImportError as error:
        raise ImportError(f"the vocoder hifigan needs transformers ({error}); {INSTALL}") from error
    path = folder.weights
    stored: dict[str, Tensor] = {}
    foreign = set()
    for name, tensor in read_state_dict(path).items():
        renamed = _renamed(name, path.name == SPEECHBRAIN[0])
        if renamed is None or renamed in stored:
            foreign.add(name)
        else:
            stored[renamed] = tensor.float()
    _refuse(path, unexpected=foreign)
    try:
        with torch.random.fork_rng(devices=[]):
            network: Any = SpeechT5HifiGan(SpeechT5HifiGanConfig(**folder.shape))
    except Exception as error:  # of many kinds
        raise WeightsError(f"{path.parent}: its config makes no HiFi-GAN: {error}") from error
    if any(name.endswith(_DIRECTION) for name in stored):
        network.apply_weight_norm()
    expected = network.state_dict()
    if not network.config.normalize_before:  # then mean and scale are of no use
        stored = {name: expected[name] for name in ("mean", "scale")} | stored
    shared = expected.keys() & stored.keys()
    _refuse(path, missing=expected.keys() - shared, unexpected=stored.keys() - shared)
    _refuse(path, of_another_shape={k for k in shared if stored[k].shape != expected[k].shape})
    network.load_state_dict(stored)
    for layer in network.modules():
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight")
    tensors = network.state_dict()
    _refuse(path, not_finite={k for k in tensors if not torch.isfinite(tensors[k]).all()})
    return network.requires_grad_(False).eval()


def _renamed(name: str, wrapped: bool) -> str | None:
    """A tensor's name in transformers; None if it is not named as in its form.

    Where layers are wrapped (speechbrain), `ups.0.conv.weight` is `upsampler.0.weight`. Weight
    norms are named as by today's torch.
    """
    if wrapped:
        if ".conv." not in name or name.startswith("upsampler."):
            return None
        name = re.sub(r"^ups\.", "upsampler.", name).replace(".conv.", ".")
    name = re.sub(r"weight_g$", _DIRECTION.replace("1", "0"), name)
    return re.sub(r"weight_v$", _DIRECTION, name)


def _refuse(path: Path, **wrong: Collection[str]) -> None:
    """Raise `WeightsError` if there are names of any kind."""
    for kind, names in wrong.items():
        if names:
            found = f"{len(names)} {kind.replace('_', ' ')} ({', '.join(sorted(names)[:3])})"
            raise WeightsError(f"{path}: does not fit its config: {found}")
