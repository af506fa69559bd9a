"""Griffin-Lim: the algorithm, and a vocoder without weights that is little else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.caller import undisturbed
from scoresubnet.threads import each_on_a_thread
from scoresubnet.vocoders.base import checked, finished
from scoresubnet.vocoders.mel_fit import MelFit, smooth_magnitudes
from scoresubnet.vocoders.pieces import joined, pieces
from scoresubnet.vocoders.stft import RepeatedSTFT

_TINY = 1e-30  # no power that is not zero is below it


def with_magnitudes(spectrum: Tensor, magnitudes: Tensor) -> Tensor:
    """The phases of a complex spectrum with other magnitudes of the same shape; zeros stay zeros.

    Not by `torch.sgn`, whose last bits depend on where in memory an item lies.
    """
    return spectrum * (magnitudes / spectrum.abs().clamp(min=_TINY**0.5))


@torch.no_grad()
def griffin_lim(
    start: Tensor,
    magnitudes: Callable[[Tensor], Tensor],
    stft: RepeatedSTFT,
    iterations: int,
    momentum: float,
    lead: float = 0.0,
) -> Tensor:
    """Fast Griffin-Lim (Perraudin, Balazs & Sondergaard, WASPAA 2013) from any start.

    Args:
        start: complex spectra (B, T, bins) of sounds that go in step; rows are frames.
        magnitudes: from those of the last audio to those wanted, both (B, T, bins). What it is
            given holds until the next call. A constant gives the algorithm of the paper.
        stft: for so many sounds and frames.
        iterations: projections onto the consistent spectrograms.
        momentum: the alpha of Perraudin et al.; 0 is the Griffin-Lim of 1984.
        lead: the same for what `magnitudes` gets (ours); 0 gives it those of the last audio.

    Returns:
        audio (B, (T - 1) * hop_length).
    """
    spectrum = with_magnitudes(start, magnitudes(start.abs()))

    last = torch.view_as_real(torch.zeros_like(spectrum))
    steps = torch.tensor([1 + lead, 1 + momentum], device=start.device).view(2, 1, 1, 1, 1)
    # Buffers that every iteration fills anew, and what it needs of them.
    ahead = last.new_empty(2, *last.shape)  # for the magnitudes, and for the phases
    phases = torch.view_as_complex(ahead[1])
    squares, powers = torch.empty_like(ahead), last.new_empty(2, *start.shape)
    real, imaginary = squares.unbind(-1)
    leading, power = powers
    for _ in range(iterations):
        consistent = torch.view_as_real(stft.consistent(spectrum))
        torch.lerp(last, consistent, steps, out=ahead)
        torch.mul(ahead, ahead, out=squares)
        torch.add(real, imaginary, out=powers)
        gain = power.clamp_(min=_TINY).rsqrt_().mul_(magnitudes(leading.sqrt_()))
        torch.mul(phases, gain, out=spectrum)
        last = consistent
    return stft.synthesis(spectrum)


@dataclass(frozen=True)
class GriffinLimSettings:
    """The numbers of the vocoder.

    Attributes:
        iterations: projections onto the consistent spectrograms.
        momentum: the alpha of Perraudin et al.; 0 is the Griffin-Lim of 1984.
        mel_updates: of the smooth magnitudes towards the Mel bands, before.
        phase_seed: of the phases to start from.

    Raises:
        ValueError: a number is negative.
    """

    iterations: int = 32
    momentum: float = 0.99
    mel_updates: int = 32
    phase_seed: int = 0

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 0:
            raise ValueError(f"a number of Griffin-Lim is negative: {self}")


class GriffinLim(nn.Module):
    """Fast Griffin-Lim from random phases, and magnitudes that `MelFit` makes of the Mel bands.

    Args:
        mel: settings of the front end that made x; `MelSettings()` if None.
        **numbers: fields of `GriffinLimSettings`.

    Raises:
        ValueError: a number is negative.
    """

    name = "griffin-lim"

    def __init__(self, mel: MelSettings | None = None, **numbers: Any) -> None:
        super().__init__()
        self.mel = mel or MelSettings()
        self.numbers = GriffinLimSettings(**numbers)
        self.front_end = LogMel(self.mel)

    @property
    def settings(self) -> dict[str, Any]:
        """As of `base.Vocoder`."""
        own = {"name": self.name, "mel": self.mel.hash, "weights": None}
        return own | asdict(self.numbers)

    @undisturbed()
    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or fewer frames than the reflect padding needs.
        """
        # Item by item: the last bits of a matrix product depend on the size of the batch, and the
        # iterations amplify them to several steps of 16-bit audio.
        items = torch.split(checked(x, self.mel, "Griffin-Lim"), 1)
        audio = torch.cat(each_on_a_thread(self._invert, items))
        return finished(audio, x.shape[3], self.mel)

    @torch.no_grad()
    def magnitudes(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T) -> non-negative STFT magnitudes (B, T, 513) with those Mel bands."""
        mel, front_end = self.front_end.unscale(x).exp(), self.front_end
        fit = MelFit(mel, front_end.filters, front_end.shares, self.mel.power)
        start = smooth_magnitudes(mel, front_end).mT.contiguous()
        return fit.repeated(start, self.numbers.mel_updates)

    @torch.no_grad()
    def _invert(self, x: Tensor) -> Tensor:
        """x (1, 1, 80, T) -> audio (1, (T - 1) * hop_length)."""
        return joined(self._pieces(x), x.shape[3], self.mel)

    def _pieces(self, x: Tensor) -> Iterator[Tensor]:
        """The sound of each piece of x; where they overlap they start alike."""
        # One drawn phase for every item: the same in any batch, on any device.
        generator = torch.Generator().manual_seed(self.numbers.phase_seed)
        turns, before = torch.empty(self.mel.n_fft // 2 + 1, 0), 0
        for first, end in pieces(x.shape[3], self.mel):
            turns = turns[:, first - before :]
            new = torch.rand(len(turns), end - first - turns.shape[1], generator=generator)
            turns, before = torch.cat([turns, new], dim=1), first
            yield self._sound(x[..., first:end], turns.to(x.device).T[None])

    def _sound(self, x: Tensor, turns: Tensor) -> Tensor:
        """x (1, 1, 80, T), turns (1, T, bins) to start from -> audio (1, (T - 1) * hop_length)."""
        magnitude, n = self.magnitudes(x), self.numbers
        start = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).contiguous()
        stft = RepeatedSTFT(self.mel, x.shape[3], device=x.device)
        return griffin_lim(start, lambda _: magnitude, stft, n.iterations, n.momentum)
