"""Griffin-Lim: the algorithm, and a vocoder without weights that is little else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.noise import Draws
from scoresubnet.process.threads import each_on_a_thread
from scoresubnet.vocoders.base import checked, finished
from scoresubnet.vocoders.mel_fit import MelFit, smooth_magnitudes
from scoresubnet.vocoders.pieces import joined, pieces
from scoresubnet.vocoders.stft import RepeatedSTFT

_TINY = 1e-15  # no magnitude that is not zero is below it


def with_magnitudes(
    spectrum: NDArray[np.complex64], magnitudes: NDArray[np.float32]
) -> NDArray[np.complex64]:
    """The phases of a spectrum with other magnitudes of the same shape; zeros stay zeros."""
    return spectrum * (magnitudes / np.maximum(np.abs(spectrum), _TINY))


def griffin_lim(
    start: NDArray[np.complex64],
    magnitudes: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    stft: RepeatedSTFT,
    iterations: int,
    momentum: float,
    lead: float = 0.0,
) -> NDArray[np.float32]:
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
    spectrum = np.ascontiguousarray(with_magnitudes(start, magnitudes(np.abs(start))))

    # Buffers that every iteration fills anew. As real numbers most is several times as fast.
    last, consistent = np.zeros_like(spectrum), np.empty_like(spectrum)
    ahead = np.empty((2, *spectrum.shape), np.complex64)  # for the magnitudes, and for the phases
    far = np.array([lead, momentum], np.float32).reshape(2, 1, 1, 1)
    sizes = np.empty(ahead.shape, np.float32)
    for _ in range(iterations):
        stft.consistent(spectrum, out=consistent)
        here, step, there = (each.view(np.float32) for each in (consistent, last, ahead))
        np.subtract(here, step, out=step)
        np.multiply(step, far, out=there)
        np.add(here, there, out=there)
        leading, size = np.abs(ahead, out=sizes)
        np.add(size, _TINY, out=size)
        np.divide(magnitudes(leading), size, out=size)
        np.multiply(ahead[1], size, out=spectrum)
        last, consistent = consistent, last
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


class GriffinLim:
    """Fast Griffin-Lim from random phases, and magnitudes that `MelFit` makes of the Mel bands.

    Args:
        mel: settings of the front end that made x; `MelSettings()` if None.
        **numbers: fields of `GriffinLimSettings`.

    Raises:
        ValueError: a number is negative.
    """

    name = "griffin-lim"

    def __init__(self, mel: MelSettings | None = None, **numbers: Any) -> None:
        self.mel = mel or MelSettings()
        self.numbers = GriffinLimSettings(**numbers)
        self.front_end = LogMel(self.mel)

    @property
    def settings(self) -> dict[str, Any]:
        """As of `base.Vocoder`."""
        own = {"name": self.name, "mel": self.mel.hash, "weights": None}
        return own | asdict(self.numbers)

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or fewer frames than the reflect padding needs.
        """
        items = np.split(checked(x, self.mel, "Griffin-Lim"), len(x))
        audio = np.concatenate(each_on_a_thread(self._invert, items))
        return finished(audio, x.shape[3], self.mel)

    def magnitudes(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (B, 1, 80, T) -> non-negative STFT magnitudes (B, T, 513) with those Mel bands."""
        mel, front_end = np.exp(self.front_end.unscale(x)), self.front_end
        fit = MelFit(mel, front_end.filters, front_end.shares, self.mel.power)
        start = np.ascontiguousarray(smooth_magnitudes(mel, front_end).mT)
        return fit.repeated(start, self.numbers.mel_updates)

    def _invert(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (1, 1, 80, T) -> audio (1, (T - 1) * hop_length)."""
        return joined(self._pieces(x), x.shape[3], self.mel)

    def _pieces(self, x: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """The sound of each piece of x; where they overlap they start alike."""
        # One drawn phase for every item: the same in any batch.
        draws = Draws(self.numbers.phase_seed)
        turns, before = np.empty((self.mel.n_fft // 2 + 1, 0), np.float32), 0
        for first, end in pieces(x.shape[3], self.mel):
            turns = turns[:, first - before :]
            new = draws.uniform(len(turns), end - first - turns.shape[1])
            turns, before = np.concatenate([turns, new], axis=1), first
            yield self._sound(x[..., first:end], turns.T[None])

    def _sound(self, x: NDArray[np.float32], turns: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (1, 1, 80, T), turns (1, T, bins) to start from -> audio (1, (T - 1) * hop_length)."""
        magnitude, n = self.magnitudes(x), self.numbers
        angle = np.float32(2 * np.pi) * turns
        start = np.empty(turns.shape, np.complex64)
        start.real, start.imag = np.cos(angle), np.sin(angle)
        stft = RepeatedSTFT(self.mel, x.shape[3])
        return griffin_lim(start, lambda _: magnitude, stft, n.iterations, n.momentum)
