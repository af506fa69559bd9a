"""HiFi-GAN (Kong, Kim & Bae, NeurIPS 2020) with published weights, run by `transformers`."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.base import audio_samples, checked, refuse_other_features
from scoresubnet.vocoders.hifigan_folder import find_folder, read_folder
from scoresubnet.vocoders.hifigan_network import read_network
from scoresubnet.vocoders.hifigan_recipes import RECIPE, RECIPE_FILE


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

    @property
    def settings(self) -> dict[str, object]:
        """All that its sound depends on besides x, ready for JSON."""
        return {"name": self.name, "mel": self.mel.hash}

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
    network = read_network(folder.weights, folder.shape, folder.wrapped)
    return HifiGan(network, settings, folder.context).eval()


def recipe_of(settings: MelSettings) -> dict[str, Any]:
    """What natural log-Mels depend on of our front end, with the keys of `RECIPE`."""
    return RECIPE | {key: value for key, value in settings.to_dict().items() if key in RECIPE}
