"""The shipped vocoder: Griffin-Lim that starts from pulses at the pitch, and from noise.

What Griffin-Lim cannot find by itself is which phases belong together, from harmonic to harmonic
and from frame to frame. Here a small network reads the pitch in the log-Mel; pulses at that pitch
bring the phases (ours; the sources are those of neural source-filter models: Wang, Takaki &
Yamagishi, ICASSP 2019). In each iteration the magnitudes are scaled towards the Mel bands that were
asked for, instead of staying fixed. docs/log/2026-11-27-vocoder.md has figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.noise import Draws
from scoresubnet.process.threads import cores, each_on_a_thread
from scoresubnet.vocoders.base import checked, finished
from scoresubnet.vocoders.griffin_lim import griffin_lim, with_magnitudes
from scoresubnet.vocoders.low_band import LowBand, low_band
from scoresubnet.vocoders.mel_fit import MelFit, smooth_magnitudes
from scoresubnet.vocoders.pieces import joined, pieces
from scoresubnet.vocoders.pitch import Pitch, PitchReader, decode_pitch, sigmoid
from scoresubnet.vocoders.sources import cycles_of, pulses, white_noise
from scoresubnet.vocoders.stft import RepeatedSTFT

_FEWEST = 4  # items for which a thread more is worth it: with less to do, threads wait for Python
_IN_STEP = 2  # sounds whose whole spectra are iterated together: more of them leave the caches


@dataclass(frozen=True)
class PitchVocoderSettings:
    """The numbers of the vocoder.

    Attributes:
        iterations: of Griffin-Lim on the whole spectrum.
        low_iterations: of the lowest bins alone, before; 0 leaves them out.
        low_factor: by how much lower a sample rate has the lowest bins, at most; 8 are those to
            1 kHz, where most of what iterations gain lies.
        momentum: of Griffin-Lim, for phases.
        lead: the same for magnitudes.
        first_updates: of the magnitudes towards the Mel bands before the first iteration; each
            iteration makes one.
        hiss_centre: Hz at which half of the noise is there at the start: the iterations find noise
            by themselves, and harmonics from noise they do not.
        hiss_width: Hz of the logistic step from none of it to all.
        noise_seed: of the noise.
        pitch_reach: bins to each side of the best one that its pitch is averaged over.

    Raises:
        ValueError: a number is out of range.
    """

    iterations: int = 32
    low_iterations: int = 256
    low_factor: int = 8
    momentum: float = 0.99
    lead: float = 0.3
    first_updates: int = 4
    hiss_centre: float = 3500.0
    hiss_width: float = 500.0
    noise_seed: int = 0
    pitch_reach: int = 4

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 0 or not (self.low_factor and self.hiss_width):
            raise ValueError(
                f"a number is negative, or low_factor or hiss_width is 0: {self}; give others"
            )


class Excitation(NamedTuple):
    """Pulses and noise (B, (T - 1) * hop_length), each of power 1."""

    pulses: NDArray[np.float32]
    noise: NDArray[np.float32]


class PitchVocoder:
    """The whole of it.

    Args:
        reader: the trained network.
        mel: settings of the front end it was trained on.
        **numbers: fields of `PitchVocoderSettings`.

    Raises:
        ValueError: a number is out of range, or the lowest bins have no Mel band.
    """

    name = "pitch"

    def __init__(self, reader: PitchReader, mel: MelSettings, **numbers: Any) -> None:
        self.reader, self.mel = reader, mel
        self.numbers = n = PitchVocoderSettings(**numbers)
        self.front_end = LogMel(mel)
        self.low = low_band(self.front_end, n.low_factor) if n.low_iterations else None

    @property
    def settings(self) -> dict[str, Any]:
        """As of `base.Vocoder`."""
        own = {"name": self.name, "mel": self.mel.hash, "weights": self.reader.weights}
        return own | asdict(self.numbers) | {"network": asdict(self.reader.config)}

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or too few frames.
        """
        x = checked(x, self.mel, "the vocoder")
        # One group of items for each core. What an item becomes does not depend on the group it is
        # in, to the last bit (but for a few frames, which several threads of torch read otherwise).
        groups = np.array_split(x, min(-(-len(x) // _FEWEST), cores()))
        audio = np.concatenate(each_on_a_thread(self._sounds, groups))
        return finished(audio, x.shape[3], self.mel)

    def _sounds(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """x (B, 1, 80, T) -> audio (B, (T - 1) * hop_length)."""
        return joined(self._pieces(x), x.shape[3], self.mel)

    def _pieces(self, x: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """The sound of each piece of x; where they overlap they start alike."""
        # Item by item: in a batch, the last bits of a network depend on its size, and a near tie
        # between two pitches amplifies them.
        excitations = [self._excitations(item) for item in np.split(x, len(x))]
        for first, end in pieces(x.shape[3], self.mel):
            together = zip(*(next(each) for each in excitations), strict=True)
            yield self._sound(x[..., first:end], Excitation(*map(np.concatenate, together)))

    def _sound(self, x: NDArray[np.float32], excitation: Excitation) -> NDArray[np.float32]:
        """x (B, 1, 80, T) and what it starts from -> audio (B, (T - 1) * hop_length)."""
        front_end, n = self.front_end, self.numbers
        mel = np.exp(front_end.unscale(x))
        few = range(_IN_STEP, len(x), _IN_STEP)
        fits = [
            MelFit(bands, front_end.filters, front_end.shares, self.mel.power)
            for bands in np.split(mel, few)
        ]
        start = np.ascontiguousarray(self.start(x, excitation).mT)  # rows are frames
        for sounds, fit in zip(np.split(start, few), fits, strict=True):
            sounds[:] = with_magnitudes(sounds, fit.repeated(np.abs(sounds), n.first_updates))
        if self.low is not None:
            start[..., : self.low.sure] = self._low_bins(start, mel, self.low)
        return np.concatenate(
            [
                griffin_lim(
                    sounds,
                    fit,
                    RepeatedSTFT(self.mel, x.shape[3], len(sounds)),
                    n.iterations,
                    n.momentum,
                    n.lead,
                )
                for sounds, fit in zip(np.split(start, few), fits, strict=True)
            ]
        )

    def _excitations(self, x: NDArray[np.float32]) -> Iterator[Excitation]:
        """Pulses and noise (1, (t - 1) * hop_length) of each piece of x (1, 1, 80, T).

        They go on from piece to piece as if there were one.
        """
        n, hop, rate = self.numbers, self.mel.hop_length, self.mel.sample_rate
        config, draws = self.reader.config, Draws(n.noise_seed)
        begun, noise = np.zeros((1, 1)), np.empty((1, 0), np.float32)
        pitch, before = None, 0
        for first, end in pieces(x.shape[3], self.mel):
            if pitch is not None:
                begun = begun + cycles_of(pitch.f0[:, : first - before + 1], hop, rate)
            noise = noise[:, (first - before) * hop :]
            new = (end - first - 1) * hop - noise.shape[1]
            noise, before = np.concatenate([noise, white_noise(new, draws)], axis=1), first
            left = max(0, first - config.reach)
            logits = self.reader.read(x[..., left : end + config.reach])
            read = decode_pitch(logits, config, n.pitch_reach)
            pitch = Pitch(*(each[:, first - left : end - left] for each in read))
            yield Excitation(pulses(pitch, hop, rate, begun), noise)

    def start(
        self, x: NDArray[np.float32], excitation: Excitation | None = None
    ) -> NDArray[np.complex64]:
        """The start of Griffin-Lim: x (B, 1, 80, T) -> complex STFT (B, n_fft / 2 + 1, T).

        Pulses and noise, each as loud as the Mel bands, without the hiss of the low bins.

        Args:
            x: of one piece.
            excitation: of x; that of a single item that begins here, if it is left out.
        """
        s, n, front_end = self.mel, self.numbers, self.front_end
        voice, hiss = map(front_end.stft, excitation or next(self._excitations(x)))
        hz = np.linspace(0, s.sample_rate / 2, s.n_fft // 2 + 1)[:, None]
        share = sigmoid((hz - n.hiss_centre) / n.hiss_width).astype(np.float32)
        # Each source has a power of 1 in a bin, were it noise; Mel bands are densities per hertz.
        scale = 1 / np.sqrt(np.square(front_end.window).sum())
        level = smooth_magnitudes(np.exp(front_end.unscale(x)), front_end)
        level = level * (s.sample_rate / s.n_fft) ** (1 / s.power)
        return scale * level * (voice + share * hiss)

    def _low_bins(
        self, start: NDArray[np.complex64], mel: NDArray[np.float32], low: LowBand
    ) -> NDArray[np.complex64]:
        """The lowest bins of `start` (B, T, bins), iterated alone: (B, T, `low.sure`)."""
        n = self.numbers
        bands, bins = low.filters.shape
        fit = MelFit(mel[:, :bands], low.filters, low.shares, self.mel.power)
        sounds, frames = start.shape[:2]
        stft = RepeatedSTFT(self.mel, frames, sounds, low.factor)
        first = np.ascontiguousarray(start[..., :bins])
        audio = griffin_lim(first, fit, stft, n.low_iterations, n.momentum, n.lead)
        return stft.analysis(audio)[..., : low.sure]
