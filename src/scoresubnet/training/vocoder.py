"""Training of the pitch vocoder: of the network that reads the pitch, on tracks of pYIN."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.training.config import VocoderTraining
from scoresubnet.training.folder import claimed
from scoresubnet.training.loop import fit
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.start import content_of, copy_network, refuse_others
from scoresubnet.training.steps import seeded, step_generator
from scoresubnet.training.waveform_data import VoiceBatch, WaveformData
from scoresubnet.vocoders.file import VocoderFile, read_vocoder, save_vocoder
from scoresubnet.vocoders.paths import FILE_NAME, vocoder_path
from scoresubnet.vocoders.pitch_network import PitchNetwork, pitch_losses


class VocoderModule(StepTraining):
    """Cross-entropy of the pitch network, on waveforms (B, samples) whose pitch was tracked.

    Raises:
        ValueError: the segment is not a multiple of the hop.
    """

    def __init__(self, config: VocoderTraining, mel: MelSettings) -> None:
        super().__init__(config.optimiser, config.run, mel)
        if config.segment % mel.hop_length:
            raise ValueError(
                f"segment must be a multiple of the hop of {mel.hop_length} samples, "
                f"got {config.segment}"
            )
        self.config = config
        self.network = PitchNetwork(config.network, mel.n_mels)
        self.front_end = LogMel(mel)

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

    def loss(self, stage: str, batch: VoiceBatch) -> Tensor:
        """Of audio (B, N), N a multiple of the hop, and f0 (B, N / hop + 1); logged: a scalar."""
        x = self.front_end.scale(self.front_end.log_mel(batch.audio))
        losses = pitch_losses(self.network(x), batch.f0, self.config.network)
        for name, value in losses._asdict().items():
            self.log(f"{stage}/pitch_{name}", value, prog_bar=True, batch_size=len(x))
        both = losses.bins + losses.voiced
        self.log(f"{stage}/loss", both, batch_size=len(x))
        return both

    def training_step(self, batch: VoiceBatch, batch_idx: int) -> Tensor:
        return self.loss("train", self.segments(batch))

    def validation_step(self, batch: VoiceBatch, batch_idx: int) -> None:
        """Whole clips, cut to a multiple of the hop."""
        hop = self.mel.hop_length
        whole = batch.audio[:, : batch.audio.shape[1] // hop * hop]
        self.loss("valid", VoiceBatch(whole, batch.f0))


def train_vocoder(
    config: VocoderTraining,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> VocoderFile:
    """Train a pitch vocoder, or go on where the run in `out` stopped.

    The folder gets what that of `train_classifier` gets, the weights as `vocoder.safetensors`.

    Args:
        config: the run.
        out: its folder.
        start: folder or file of a vocoder to start from.

    Raises:
        ImportError: the pitch tracker is not installed.
        ValueError: the data cannot be used, `out` holds a run of another config, or `start` has
            a network of another shape or was made for other features.
        WeightsError: `start` cannot be loaded.
    """
    origin = content_of(start, vocoder_path)
    with claimed(out, config, start=origin) as (check, complete):
        with seeded(config.run.seed):
            module = VocoderModule(config, MelSettings())
        vocoder = VocoderFile(module.network, module.mel)
        if start is not None:
            source = read_vocoder(start)
            refuse_others({"features": source.mel}, {"features": module.mel})
            copy_network(source.network, module.network)
        data = WaveformData(config.data, config.run.seed, module.mel, check)
        complete(data)
        fit(module, data, config, out, lambda folder: save_vocoder(vocoder, folder / FILE_NAME))
    return vocoder
