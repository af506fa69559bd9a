"""Vocoders: x in [-1, 1] -> audio. Each states the Mel settings it was made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import LogMel, MelSettings


class Vocoder(Protocol):
    """x (B, 1, 80, T) in [-1, 1] -> audio (B, samples) float32 in [-1, 1].

    T = `mel.frames` gives one clip: 64 frames are 16,000 samples. Item k of the result depends on
    item k of x alone.
    """

    name: str
    mel: MelSettings

    def __call__(self, x: Tensor) -> Tensor: ...


class GriffinLim(nn.Module):
    """Fast Griffin-Lim (Perraudin, Balazs & Sondergaard, WASPAA 2013); needs no weights.

    Magnitudes come from the Mel bands by the multiplicative updates of Lee & Seung (NIPS 2000) for
    the Kullback-Leibler divergence, which weighs relative errors and keeps them non-negative.

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
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, samples).

        The zeros that the front end appended are cut off again: 16,000 samples of 64 frames, in
        general (T - 1) * 256 - 128. Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or fewer frames than the reflect padding needs.
        """
        s = self.mel
        padding = s.padded_samples - s.clip_samples
        least = s.n_fft // 2 // s.hop_length + 2
        if x.ndim != 4 or not x.shape[0] or x.shape[1:3] != (1, s.n_mels) or x.shape[3] < least:
            raise ValueError(
                f"Griffin-Lim expects x of shape (B >= 1, 1, {s.n_mels}, T >= {least}), "
                f"not {tuple(x.shape)}."
            )
        # Item by item: the last bits of a batched istft depend on the size of the batch, and the
        # iterations amplify them to several steps of 16-bit audio.
        items = torch.split(x.float().clamp(-1, 1), 1)
        audio = torch.cat([self._phase_retrieval(self._magnitude(item)) for item in items])
        audio = audio[:, : (x.shape[3] - 1) * s.hop_length - padding]
        return audio / audio.abs().amax(dim=1, keepdim=True).clamp(min=1)

    def _magnitude(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T) -> non-negative STFT magnitudes (B, 513, T) with those Mel bands."""
        filters = self.front_end.filters
        target = self.front_end.unscale(x).exp()
        # Bins under no filter (0 Hz and the top one) stay at zero, as their columns are zero.
        column_sums = filters.sum(dim=0)[:, None].clamp(min=1e-12)
        spectrum = filters.T @ target / column_sums
        for _ in range(self._mel_updates):
            ratio = target / (filters @ spectrum).clamp(min=1e-12)
            spectrum = spectrum * (filters.T @ ratio) / column_sums
        return spectrum ** (1 / self.mel.power)

    def _phase_retrieval(self, magnitude: Tensor) -> Tensor:
        """Magnitudes (B, 513, T) -> audio (B, (T - 1) * hop_length)."""
        # One drawn phase for every item: the same in any batch, on any device.
        turns = torch.rand(magnitude.shape[1:], generator=torch.Generator().manual_seed(0))
        phase = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).to(magnitude.device)
        spectrum = magnitude * phase
        previous = torch.zeros_like(spectrum)
        for _ in range(self.iterations):
            consistent = self.front_end.stft(self._istft(spectrum))
            accelerated = consistent + self.momentum * (consistent - previous)
            spectrum = magnitude * torch.sgn(accelerated)
            previous = consistent
        return self._istft(spectrum)

    def _istft(self, spectrum: Tensor) -> Tensor:
        s = self.mel
        return torch.istft(
            spectrum,
            s.n_fft,
            hop_length=s.hop_length,
            win_length=s.win_length,
            window=self.front_end.window,
            center=True,
        )


VOCODERS: dict[str, Callable[[MelSettings], Vocoder]] = {
    GriffinLim.name: GriffinLim,
}


def load_vocoder(name: str, settings: MelSettings | None = None) -> Vocoder:
    """The vocoder of that name, for features made with `settings` (`MelSettings()` if None).

    Raises:
        ValueError: the name is unknown, or the vocoder was made for other Mel settings.
    """
    if name not in VOCODERS:
        raise ValueError(f"Unknown vocoder {name!r}; known are {', '.join(sorted(VOCODERS))}.")
    settings = settings or MelSettings()
    vocoder = VOCODERS[name](settings)
    if vocoder.mel.hash != settings.hash:
        theirs, ours = vocoder.mel.to_dict(), settings.to_dict()
        differing = [
            f"{key} {theirs[key]} / {ours[key]}" for key in ours if theirs[key] != ours[key]
        ]
        raise ValueError(
            f"The vocoder {name!r} was made for other Mel settings than the features "
            f"(vocoder / features: {', '.join(differing)}); choose a vocoder that fits."
        )
    return vocoder
