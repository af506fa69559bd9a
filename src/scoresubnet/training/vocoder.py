"""Training of the vocoder: pitch and spectral losses, from some step on against discriminators."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.audio.spectra import FAST_RESOLUTIONS, spectral_distance
from scoresubnet.training.config import VocoderTraining
from scoresubnet.training.folder import claimed
from scoresubnet.training.loop import fit
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.start import content_of, copy_network, refuse_others
from scoresubnet.training.steps import seeded, step_generator
from scoresubnet.training.vocoder_losses import one_backward
from scoresubnet.training.waveform_data import VoiceBatch, WaveformData
from scoresubnet.vocoders.discriminators import Discriminators
from scoresubnet.vocoders.network import Vocos
from scoresubnet.vocoders.pitch import PitchLogits, decode_pitch, pitch_losses
from scoresubnet.vocoders.source import white_noise
from scoresubnet.vocoders.vocos import (
    FILE_NAME,
    VocoderFile,
    read_vocoder,
    save_vocoder,
    vocoder_path,
)


class VocoderModule(StepTraining):
    """Vocos with the sources of a voice, on waveforms (B, samples) whose pitch was tracked.

    The network that hears the pitch learns from the tracks alone; the filters, if there are any,
    learn behind it.

    Generator and discriminators step together, in one backward pass and one optimiser
    (`vocoder_losses.one_backward`), so that a batch is a step, as in every other training.

    Raises:
        ValueError: the segment is not a multiple of the hop.
    """

    betas = (0.8, 0.99)  # as HiFi-GAN (Kong et al. 2020, section 3)

    def __init__(self, config: VocoderTraining, mel: MelSettings) -> None:
        super().__init__(config.optimiser, config.run, mel)
        if config.segment % mel.hop_length:
            raise ValueError(
                f"segment must be a multiple of the hop of {mel.hop_length} samples, "
                f"got {config.segment}"
            )
        self.config = config
        self.network = Vocos(config.network, mel)
        self.front_end = self.network.front_end
        self.discriminators = Discriminators(config.discriminators)

    def relative_rates(self) -> list[tuple[nn.Module, float]]:
        return [(self.network, 1.0), (self.discriminators, self.config.discriminator_rate)]

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Each side by its own norm."""
        if gradient_clip_val:
            for part, _ in self.relative_rates():
                nn.utils.clip_grad_norm_(part.parameters(), gradient_clip_val)

    def segments(self, batch: VoiceBatch) -> VoiceBatch:
        """One crop of each clip, at this step's places, which are frames.

        Args:
            batch: audio (B, samples), f0 (B, frames).

        Returns:
            audio (B, segment), f0 (B, segment / hop + 1).
        """
        audio, f0 = batch
        hop, segment = self.mel.hop_length, self.config.segment
        generator = step_generator(self.seed, "crop", self.global_step)
        last = (audio.shape[1] - segment) // hop
        starts = torch.randint(last + 1, (len(audio), 1), generator=generator)
        samples = hop * starts + torch.arange(segment)
        frames = starts + torch.arange(segment // hop + 1)
        return VoiceBatch(
            audio.gather(1, samples.to(audio.device)), f0.gather(1, frames.to(f0.device))
        )

    def features(self, real: Tensor) -> Tensor:
        """Audio (B, N), N a multiple of the hop -> x (B, 1, n_mels, N / hop + 1)."""
        return self.front_end.scale(self.front_end.log_mel(real))

    def forward(self, real: Tensor, noise: Tensor) -> tuple[Tensor, PitchLogits]:
        """Audio (B, N), N a multiple of the hop -> its resynthesis (B, N), and the pitch heard.

        Args:
            real: audio.
            noise: the source of what has no pitch, (B or 1, N) of power 1.
        """
        x = self.features(real)
        logits = self.network.pitch(x)
        return self.network(x, decode_pitch(logits), noise), logits

    def pitch_losses(self, stage: str, logits: PitchLogits, f0: Tensor) -> Tensor:
        """Logged and weighted: a scalar."""
        losses = pitch_losses(logits, f0)
        for name, value in losses._asdict().items():
            self.log(f"{stage}/pitch_{name}", value, prog_bar=name == "bins", batch_size=len(f0))
        return self.config.losses.pitch * (losses.bins + losses.voiced)

    def spectral_losses(self, stage: str, made: Tensor, real: Tensor) -> Tensor:
        """Log-Mel and multi-resolution STFT distances, logged and weighted: a scalar."""
        log_mel = (self.front_end.log_mel(made) - self.front_end.log_mel(real)).abs().mean()
        spectral = spectral_distance(made, real, FAST_RESOLUTIONS)
        self.log(f"{stage}/log_mel", log_mel, prog_bar=True, batch_size=len(real))
        for name, value in spectral._asdict().items():
            self.log(f"{stage}/{name}", value, batch_size=len(real))
        weights = self.config.losses
        return weights.log_mel * log_mel + weights.spectral * sum(spectral)

    def training_step(self, batch: VoiceBatch, batch_idx: int) -> Tensor:
        real, f0 = self.segments(batch)
        if not self.config.network.blocks:
            return self.pitch_losses("train", self.network.pitch(self.features(real)), f0)
        generator = step_generator(self.seed, "noise", self.global_step)
        noise = torch.randn(real.shape, generator=generator).to(real.device)
        made, logits = self(real, noise)
        total = self.pitch_losses("train", logits, f0) + self.spectral_losses("train", made, real)
        weights = self.config.losses
        if self.global_step >= weights.adversarial_from:
            adversarial, losses = one_backward(
                self.discriminators, made, real, weights.adversarial, weights.feature_matching
            )
            total = total + adversarial
            for name, value in losses._asdict().items():
                self.log(f"train/{name}", value, prog_bar=True)
        return total

    def validation_step(self, batch: VoiceBatch, batch_idx: int) -> None:
        """Whole clips, cut to a multiple of the hop."""
        hop = self.mel.hop_length
        real = batch.audio[:, : batch.audio.shape[1] // hop * hop]
        made, logits = self(real, white_noise(real.shape[1]).to(real))
        self.pitch_losses("valid", logits, batch.f0)
        self.spectral_losses("valid", made, real)


def train_vocoder(
    config: VocoderTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> VocoderFile:
    """Train a vocoder, or go on where the run in `out` stopped.

    The folder gets what that of `train_classifier` gets, the weights as `vocoder.safetensors`.

    Args:
        config: the run.
        out: its folder.
        start: folder or file of a vocoder to start from; the discriminators start anew.

    Raises:
        ImportError: the pitch tracker is not installed.
        ValueError: the data cannot be used, `out` holds a run of another config, or `start` has
            a network of another shape or was made for other features.
        WeightsError: `start` cannot be loaded.
    """
    origin = content_of(start, vocoder_path)
    with claimed(out, config, start=origin) as complete:
        with seeded(config.run.seed):
            module = VocoderModule(config, MelSettings())
        vocoder = VocoderFile(module.network)
        if start is not None:
            source = read_vocoder(start).network
            refuse_others({"features": source.mel}, {"features": module.mel})
            copy_network(source, module.network)
        data = WaveformData(config.data, config.run.seed, module.mel)
        complete(data)
    fit(module, data, config, out, lambda folder: save_vocoder(vocoder, folder / FILE_NAME))
    return vocoder
