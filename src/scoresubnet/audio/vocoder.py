"""Vocoders: x in [-1, 1] -> audio. Each states the Mel settings it was made for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scoresubnet.audio.inversion import fit_mel_bands, griffin_lim, smooth_magnitudes
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.threads import each_on_a_thread


class Vocoder(Protocol):
    """x (B, 1, 80, T) in [-1, 1] -> audio (B, samples) float32 in [-1, 1].

    T = `mel.frames` gives one clip: 64 frames are 16,000 samples. Item k of the result depends on
    item k of x alone.
    """

    name: str
    mel: MelSettings

    def __call__(self, x: Tensor) -> Tensor: ...


def least_frames(settings: MelSettings) -> int:
    """The fewest frames that a vocoder takes: 4, which the reflect padding of the STFT needs."""
    return settings.n_fft // 2 // settings.hop_length + 2


def audio_samples(frames: int, settings: MelSettings) -> int:
    """Samples that a vocoder makes of `frames` frames: 16,000 of 64, else (T - 1) * 256 - 128.

    The zeros that the front end appends to a clip are cut off again.
    """
    padding = settings.padded_samples - settings.clip_samples
    return (frames - 1) * settings.hop_length - padding


def checked(x: Tensor, settings: MelSettings, name: str) -> Tensor:
    """x (B, 1, 80, T) as float32, values beyond [-1, 1] clamped.

    Raises:
        ValueError: x has another shape, no item, or fewer than `least_frames` frames.
    """
    least = least_frames(settings)
    if x.ndim != 4 or not x.shape[0] or x.shape[1:3] != (1, settings.n_mels) or x.shape[3] < least:
        raise ValueError(
            f"{name} expects x of shape (B >= 1, 1, {settings.n_mels}, T >= {least}), "
            f"not {tuple(x.shape)}."
        )
    return x.float().clamp(-1, 1)


def resynthesise(audio: Tensor, vocoder: Vocoder) -> Tensor:
    """Audio through the front end and back: what the vocoder makes of its log-Mel.

    Args:
        audio: (N,) at the vocoder's sample rate, N >= 1, full scale 1; of any length, in one piece.
        vocoder: its `mel` settings make the log-Mel.

    Returns:
        (N,) float32. Zeros are appended for the analysis, so that the end is not lost.

    Raises:
        ValueError: audio is not (N >= 1,).
    """
    if audio.ndim != 1 or not len(audio):
        raise ValueError(f"Audio must be (N >= 1,), not of shape {tuple(audio.shape)}.")
    s = vocoder.mel
    enough = math.ceil((len(audio) - audio_samples(1, s)) / s.hop_length) + 1
    frames = max(enough, least_frames(s))
    front_end = LogMel(s)
    padded = F.pad(audio, (0, (frames - 1) * s.hop_length - len(audio)))
    return vocoder(front_end.scale(front_end.log_mel(padded[None])))[0, : len(audio)]


class GriffinLim(nn.Module):
    """Fast Griffin-Lim (Perraudin, Balazs & Sondergaard, WASPAA 2013); needs no weights.

    Magnitudes come from the Mel bands by multiplicative updates (`inversion.fit_mel_bands`).

    Args:
        settings: the front end that made x; `MelSettings()` if None.
        iterations: projections onto the consistent spectrograms.
        momentum: the alpha of Perraudin et al.; 0 is the Griffin-Lim of 1984.

    Raises:
        ValueError: iterations or momentum is negative.
    """

    name = "griffin-lim"
    _mel_updates = 32

    def __init__(
        self, settings: MelSettings | None = None, iterations: int = 32, momentum: float = 0.99
    ) -> None:
        super().__init__()
        if iterations < 0 or momentum < 0:
            raise ValueError(
                f"Griffin-Lim needs iterations and momentum >= 0, not {iterations}, {momentum}."
            )
        self.mel = settings or MelSettings()
        self.iterations = iterations
        self.momentum = momentum
        self.front_end = LogMel(self.mel)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or fewer frames than the reflect padding needs.
        """
        # Item by item: the last bits of a matrix product depend on the size of the batch, and the
        # iterations amplify them to several steps of 16-bit audio.
        items = torch.split(checked(x, self.mel, "Griffin-Lim"), 1)
        audio = torch.stack(each_on_a_thread(self._invert, items))
        audio = audio[:, : audio_samples(x.shape[3], self.mel)]
        return audio / audio.abs().amax(dim=1, keepdim=True).clamp(min=1)

    def magnitudes(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T) -> non-negative STFT magnitudes (B, 513, T) with those Mel bands."""
        mel = self.front_end.unscale(x).exp()
        start = smooth_magnitudes(mel, self.front_end)
        return fit_mel_bands(start, mel, self.front_end, self._mel_updates)

    @torch.no_grad()
    def _invert(self, x: Tensor) -> Tensor:
        """x (1, 1, 80, T) -> audio ((T - 1) * hop_length,)."""
        (magnitude,) = self.magnitudes(x)
        # One drawn phase for every item: the same in any batch, on any device.
        turns = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0))
        start = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).to(magnitude.device)
        rows = magnitude.T.contiguous()[None]
        start = start.T.contiguous()[None]
        (audio,) = griffin_lim(
            start, lambda _: rows, self.front_end, self.iterations, self.momentum
        )
        return audio


def _griffin_lim(settings: MelSettings, where: str | None) -> Vocoder:
    if where is not None:
        raise ValueError(f"The vocoder 'griffin-lim' has no weights to load: drop {':' + where!r}.")
    return GriffinLim(settings)


def _hifigan(settings: MelSettings, where: str | None) -> Vocoder:
    if not where:
        raise ValueError(
            "The vocoder 'hifigan' needs weights: hifigan:<folder, or id on the Hugging Face hub>."
        )
    from scoresubnet.audio.hifigan import load_hifigan

    return load_hifigan(where, settings)


def _ours(settings: MelSettings, where: str | None) -> Vocoder:
    from scoresubnet.audio.vocos import SHIPPED, VocosVocoder, read_vocoder

    return VocosVocoder(read_vocoder(where or SHIPPED).network)


# kind -> factory(settings of the features, what stood after the colon or None). A factory imports
# what it needs when it is called, and refuses weights that were made for other features.
VOCODERS: dict[str, Callable[[MelSettings, str | None], Vocoder]] = {
    "ours": _ours,
    "griffin-lim": _griffin_lim,
    "hifigan": _hifigan,
}


def load_vocoder(name: str, settings: MelSettings | None = None) -> Vocoder:
    """The vocoder of that name, for features made with `settings` (`MelSettings()` if None).

    Args:
        name: a kind of `VOCODERS`, or "kind:where" for one that loads weights:
            "ours:<run folder or file>", "griffin-lim",
            "hifigan:<local folder or hub id>".
        settings: the front end that makes the features.

    Raises:
        ValueError: the name is unknown, the weights are missing or damaged, or the vocoder was made
            for other Mel settings.
        ImportError: the vocoder needs a package that is not installed; the message names it.
    """
    kind, colon, where = name.partition(":")
    if kind not in VOCODERS:
        raise ValueError(f"Unknown vocoder {name!r}; known are {', '.join(sorted(VOCODERS))}.")
    settings = settings or MelSettings()
    vocoder = VOCODERS[kind](settings, where if colon else None)
    if vocoder.mel.hash != settings.hash:
        refuse_other_features(name, vocoder.mel.to_dict(), settings.to_dict())
    return vocoder


def refuse_other_features(name: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raise if the vocoder's Mel settings are not those of the features.

    Raises:
        ValueError: a value differs; the message names each that does.
    """
    differing = [f"{key} {theirs[key]} / {ours[key]}" for key in ours if theirs[key] != ours[key]]
    if differing:
        raise ValueError(
            f"The vocoder {name!r} was made for other Mel settings than the features "
            f"(vocoder / features: {', '.join(differing)}); choose a vocoder that fits."
        )
