"""Training of the pitch vocoder: of the network that reads the pitch, on tracks of pYIN."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.training import ranks
from scoresubnet.training.config import VocoderTraining
from scoresubnet.training.folder import claimed
from scoresubnet.training.launch import on_all_devices
from scoresubnet.training.loop import fit
from scoresubnet.training.modules import StepTraining
from scoresubnet.training.start import content_of, copy_network, refuse_others
from scoresubnet.training.steps import seeded, step_generator
from scoresubnet.training.waveform_data import VoiceBatch, WaveformData
from scoresubnet.vocoders.file import VocoderFile, read_vocoder, save_vocoder
from scoresubnet.vocoders.paths import FILE_NAME, vocoder_path
from scoresubnet.vocoders.pitch_network import PitchLosses, PitchNetwork, pitch_losses


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

    def losses(self, batch: VoiceBatch) -> PitchLosses:
        """Of audio (B, N), N a multiple of the hop, and f0 (B, N / hop + 1): scalars."""
        x = self.front_end.scale(self.front_end.log_mel(batch.audio))
        return pitch_losses(self.network(x), batch.f0, self.config.network)

    def log_losses(self, stage: str, losses: PitchLosses, size: int) -> None:
        """Log the losses of a batch of so many clips, and their sum."""
        for name, value in losses._asdict().items():
            self.log(f"{stage}/pitch_{name}", value, prog_bar=True, batch_size=size)
        self.log(f"{stage}/loss", losses.bins + losses.voiced, batch_size=size)

    def training_step(self, batch: VoiceBatch, batch_idx: int) -> Tensor:
        """The loss of this process's share; the mean over all processes is that of the batch.

        The mean over voiced frames is one over those of the whole batch.
        """
        whole = self.segments(batch)
        mine = VoiceBatch(*(values[ranks.share(len(values))] for values in whole))
        voiced, of_all = ((part.f0 > 0).sum().clamp(min=1) for part in (mine, whole))
        bins, voicing = self.losses(mine)
        bins = bins * (ranks.count() * voiced / of_all)
        self.log_losses("train", PitchLosses(*map(ranks.mean, (bins, voicing))), len(whole.f0))
        return bins + voicing

    def validation_step(self, batch: VoiceBatch, batch_idx: int) -> None:
        """Whole clips, cut to a multiple of the hop; every process has all, as they are few."""
        hop = self.mel.hop_length
        whole = batch.audio[:, : batch.audio.shape[1] // hop * hop]
        self.log_losses("valid", self.losses(VoiceBatch(whole, batch.f0)), len(whole))


@on_all_devices
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
