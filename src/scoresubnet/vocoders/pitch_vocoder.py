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
from typing import Any

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.caller import undisturbed
from scoresubnet.foreign_weights import weights_hash
from scoresubnet.threads import each_on_a_thread
from scoresubnet.vocoders.base import checked, finished
from scoresubnet.vocoders.griffin_lim import griffin_lim, with_magnitudes
from scoresubnet.vocoders.low_band import LowBand, low_band
from scoresubnet.vocoders.mel_fit import MelFit, smooth_magnitudes
from scoresubnet.vocoders.pieces import joined, pieces
from scoresubnet.vocoders.pitch_network import Pitch, PitchNetwork, decode_pitch
from scoresubnet.vocoders.sources import cycles_of, pulses, white_noise
from scoresubnet.vocoders.stft import RepeatedSTFT


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


class PitchVocoder(nn.Module):
    """The whole of it.

    Args:
        network: the trained one.
        mel: settings of the front end it was trained on.
        **numbers: fields of `PitchVocoderSettings`.

    Raises:
        ValueError: a number is out of range, or the lowest bins have no Mel band.
    """

    name = "pitch"

    def __init__(self, network: PitchNetwork, mel: MelSettings, **numbers: Any) -> None:
        super().__init__()
        self.network, self.mel = network.eval(), mel
        self.numbers = n = PitchVocoderSettings(**numbers)
        self.front_end = LogMel(mel)
        self.low = low_band(self.front_end, n.low_factor) if n.low_iterations else None

    @property
    def settings(self) -> dict[str, Any]:
        """As of `base.Vocoder`."""
        own = {"name": self.name, "mel": self.mel.hash, "weights": weights_hash(self.network)}
        return own | asdict(self.numbers) | {"network": asdict(self.network.config)}

    @undisturbed()
    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or too few frames.
        """
        x = checked(x, self.mel, "the vocoder")
        # One group of items for each of torch's threads. What an item becomes does not depend on
        # the group it is in, to the last bit (but for items of a dozen frames or fewer: so small
        # matrices are multiplied otherwise).
        groups = x.tensor_split(min(len(x), torch.get_num_threads()))
        return finished(torch.cat(each_on_a_thread(self._sounds, groups)), x.shape[3], self.mel)

    @torch.no_grad()
    def _sounds(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T) -> audio (B, (T - 1) * hop_length)."""
        return joined(self._pieces(x), x.shape[3], self.mel)

    def _pieces(self, x: Tensor) -> Iterator[Tensor]:
        """The sound of each piece of x; where they overlap they start alike."""
        excitations = [self._excitations(item) for item in x.split(1)]
        for first, end in pieces(x.shape[3], self.mel):
            yield self._sound(x[..., first:end], [next(each) for each in excitations])

    def _sound(self, x: Tensor, excitations: list[tuple[Tensor, Tensor]]) -> Tensor:
        """x (B, 1, 80, T) and what its items start from -> audio (B, (T - 1) * hop_length)."""
        front_end, frames, n = self.front_end, x.shape[3], self.numbers
        mel = front_end.unscale(x).exp()
        # Item by item, but for the small operations of the low bins: the last bits of a batch
        # depend on its size, and a near tie between two pitches amplifies them.
        fits = [
            MelFit(item, front_end.filters, front_end.shares, self.mel.power)
            for item in mel.split(1)
        ]
        starts = []
        for item, fit, excitation in zip(x.split(1), fits, excitations, strict=True):
            start = self.start(item, excitation).mT.contiguous()  # rows are frames
            starts.append(with_magnitudes(start, fit.repeated(start.abs(), n.first_updates)))
        start = torch.cat(starts)
        if self.low is not None:
            start[..., : self.low.sure] = self._low_bins(start, mel, self.low)
        stft = RepeatedSTFT(self.mel, frames, device=x.device)
        return torch.cat(
            [
                griffin_lim(item, fit, stft, n.iterations, n.momentum, n.lead)
                for item, fit in zip(start.split(1), fits, strict=True)
            ]
        )

    def _excitations(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Pulses and noise (1, (t - 1) * hop_length) of each piece of x (1, 1, 80, T).

        They go on from piece to piece as if there were one.
        """
        n, hop, rate = self.numbers, self.mel.hop_length, self.mel.sample_rate
        generator = torch.Generator().manual_seed(n.noise_seed)
        begun, noise = torch.zeros(1, 1, dtype=torch.float64, device=x.device), torch.empty(1, 0)
        pitch, before = None, 0
        for first, end in pieces(x.shape[3], self.mel):
            if pitch is not None:
                begun = begun + cycles_of(pitch.f0[:, : first - before + 1], hop, rate)
            noise = noise[:, (first - before) * hop :]
            new = (end - first - 1) * hop - noise.shape[1]
            noise, before = torch.cat([noise, white_noise(new, generator)], dim=1), first
            left = max(0, first - self.network.config.reach)
            logits = self.network(x[..., left : end + self.network.config.reach])
            read = decode_pitch(logits, self.network.config, n.pitch_reach)
            pitch = Pitch(*(each[:, first - left : end - left] for each in read))
            yield pulses(pitch, hop, rate, begun), noise.to(x)

    @torch.no_grad()
    def start(self, x: Tensor, excitation: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """The start of Griffin-Lim: x (1, 1, 80, T) -> complex STFT (1, n_fft / 2 + 1, T).

        Pulses and noise, each as loud as the Mel bands, without the hiss of the low bins.

        Args:
            x: of one piece.
            excitation: the pulses and noise, if x goes on from another piece.
        """
        s, n, front_end = self.mel, self.numbers, self.front_end
        voice, hiss = map(front_end.stft, excitation or next(self._excitations(x)))
        hz = torch.linspace(0, s.sample_rate / 2, s.n_fft // 2 + 1, device=x.device)[:, None]
        share = torch.sigmoid((hz - n.hiss_centre) / n.hiss_width)
        # Each source has a power of 1 in a bin, were it noise; Mel bands are densities per hertz.
        scale = front_end.window.square().sum().rsqrt()
        level = smooth_magnitudes(front_end.unscale(x).exp(), front_end)
        level = level * (s.sample_rate / s.n_fft) ** (1 / s.power)
        return scale * level * (voice + share * hiss)

    def _low_bins(self, start: Tensor, mel: Tensor, low: LowBand) -> Tensor:
        """The lowest bins of `start` (B, T, bins), iterated alone: (B, T, `low.sure`)."""
        n = self.numbers
        bands, bins = low.filters.shape
        fit = MelFit(mel[:, :bands], low.filters, low.shares, self.mel.power)
        sounds, frames = start.shape[:2]
        stft = RepeatedSTFT(self.mel, frames, sounds, low.factor, start.device)
        first = start[..., :bins].contiguous()
        audio = griffin_lim(first, fit, stft, n.low_iterations, n.momentum, n.lead)
        return stft.analysis(audio)[..., : low.sure]
