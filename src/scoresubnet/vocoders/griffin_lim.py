"""Griffin-Lim: a vocoder without weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.threads import each_on_a_thread
from scoresubnet.vocoders.base import audio_samples, checked
from scoresubnet.vocoders.inversion import fit_mel_bands, griffin_lim, smooth_magnitudes


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

    @property
    def settings(self) -> dict[str, object]:
        """All that its sound depends on besides x, ready for JSON."""
        return {
            "name": self.name,
            "mel": self.mel.hash,
            "iterations": self.iterations,
            "momentum": self.momentum,
            "mel_updates": self._mel_updates,
        }

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
