"""Our own vocoder, from one safetensors file; the shipped one is inside the package."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from scoresubnet.audio.mel import MelSettings
from scoresubnet.tensor_files import (
    file_in,
    from_plain,
    load_strictly,
    mel_metadata,
    metadata_errors,
    read_mel,
    read_tensors,
    write_tensors,
)
from scoresubnet.threads import each_on_a_thread
from scoresubnet.vocoders.base import audio_samples, checked
from scoresubnet.vocoders.inversion import griffin_lim, with_magnitudes
from scoresubnet.vocoders.low_band import greatest_factor, low_band
from scoresubnet.vocoders.network import Vocos, VocosConfig
from scoresubnet.vocoders.repeated_fit import RepeatedFit
from scoresubnet.vocoders.stft import RepeatedSTFT

FORMAT = "scoresubnet-vocoder/2"
FILE_NAME = "vocoder.safetensors"
SHIPPED = Path(str(resources.files("scoresubnet"))) / "pretrained/vocoders/pitch-16khz.safetensors"

ITERATIONS, LOW_ITERATIONS = 32, 256
"""Of Griffin-Lim after the network: of the whole, and before, of the low bins; docs/vocoder.md."""
_MOMENTUM, _LEAD = 0.99, 0.3
_FIRST_UPDATES = 4  # of the Mel bands before the first iteration; each iteration makes one


@dataclass
class VocoderFile:
    """What a file holds: the network, with its Mel settings, and free notes by key."""

    network: Vocos
    notes: dict[str, str] = field(default_factory=dict)


class VocosVocoder(nn.Module):
    """The network as a `Vocoder`, and its audio made to fit the log-Mel again (ours).

    What the network says is where Griffin-Lim starts, without the hiss of the low bins: the
    iterations find noise by themselves, and harmonics from noise they do not. In each iteration the
    magnitudes are scaled to the Mel bands that were asked for (`inversion.fit_mel_bands`), instead
    of staying fixed. The lowest bins, where most of the voice is, come first, alone, in iterations
    that cost a fraction (`low_band`).

    Args:
        network: the trained one.
        iterations: of Griffin-Lim; 0 gives the network's audio as it is, and makes no others.
        low_iterations: of the lowest bins, before; none where the settings leave no lower rate.

    Raises:
        ValueError: a number of iterations is negative, or the lowest bins have no Mel band.
    """

    name = "ours"
    hiss_share: Tensor

    def __init__(
        self,
        network: Vocos,
        iterations: int = ITERATIONS,
        low_iterations: int = LOW_ITERATIONS,
    ) -> None:
        super().__init__()
        if iterations < 0 or low_iterations < 0:
            raise ValueError(f"iterations must be >= 0, not {iterations}, {low_iterations}")
        self.network = network.eval()
        self.iterations = iterations
        self.front_end = network.front_end
        self.mel = network.mel
        factor = greatest_factor(self.mel)
        self.low_iterations = low_iterations if factor > 1 else 0
        self.low = low_band(self.front_end, factor) if self.low_iterations else None
        self.register_buffer("hiss_share", first_hiss(self.mel), persistent=False)

    @property
    def settings(self) -> dict[str, object]:
        """All that its sound depends on besides x, ready for JSON."""
        return {"name": self.name, "mel": self.mel.hash}

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T), values beyond [-1, 1] clamped -> audio (B, `audio_samples(T)`).

        Only items that would exceed 1 are scaled down.

        Raises:
            ValueError: x has another shape, or too few frames.
        """
        x = checked(x, self.mel, "The vocoder")
        # One group of items for each of torch's threads. What an item becomes does not depend on
        # the group it is in, to the last bit (but for items of a dozen frames or fewer: so small
        # matrices are multiplied otherwise).
        groups = x.tensor_split(min(len(x), torch.get_num_threads()))
        audio = torch.cat(each_on_a_thread(self._sounds, groups))
        audio = audio[:, : audio_samples(x.shape[3], self.mel)]
        return audio / audio.abs().amax(dim=1, keepdim=True).clamp(min=1)

    @torch.no_grad()
    def _sounds(self, x: Tensor) -> Tensor:
        """x (B, 1, 80, T) -> audio (B, (T - 1) * hop_length)."""
        # Item by item: the last bits of a batch depend on its size, and a near tie between two
        # pitches amplifies them.
        parts = [self.network.parts(item) for item in x.split(1)]
        if not self.iterations:
            return torch.cat([self.front_end.istft(voice + hiss) for voice, hiss in parts])
        mel = self.front_end.unscale(x).exp()
        fitted = [RepeatedFit(item, self.front_end) for item in mel.split(1)]
        starts = []
        for (voice, hiss), fit in zip(parts, fitted, strict=True):
            start = (voice + self.hiss_share * hiss).mT.contiguous()  # rows are frames
            size = start.abs()
            for _ in range(_FIRST_UPDATES):
                size = fit(size).clone()
            starts.append(with_magnitudes(start, size))
        start = torch.cat(starts)
        if self.low is not None:
            bands, bins = self.low.filters.shape
            fit = RepeatedFit(mel[:, :bands], self.low)
            low = start[..., :bins].contiguous()
            audio = griffin_lim(low, fit, self.low, self.low_iterations, _MOMENTUM, _LEAD)
            better = RepeatedSTFT(self.low, x.shape[3], len(x)).analysis(audio)
            sure = int(self.low.filters[-1].argmax())  # above, bands are missing
            start[..., :sure] = better[..., :sure]
        return torch.cat(
            [
                griffin_lim(item, fit, self.front_end, self.iterations, _MOMENTUM, _LEAD)
                for item, fit in zip(start.split(1), fitted, strict=True)
            ]
        )


def first_hiss(mel: MelSettings) -> Tensor:
    """Share of the hiss that Griffin-Lim starts with, of each bin: (n_fft / 2 + 1, 1).

    None in the low bins, half of it at 3.5 kHz, all of it in the high ones. Chosen on clips of the
    validation list.
    """
    hz = torch.linspace(0, mel.sample_rate / 2, mel.n_fft // 2 + 1)
    return torch.sigmoid((hz - 3500) / 500)[:, None]


def save_vocoder(vocoder: VocoderFile, path: str | os.PathLike[str]) -> None:
    """Write the file, in float16: the rounding is far below what can be heard."""
    network = vocoder.network
    metadata = {
        "format": FORMAT,
        "config": json.dumps(dataclasses.asdict(network.config)),
        "notes": json.dumps(vocoder.notes),
        **mel_metadata(network.mel),
    }
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    write_tensors(path, tensors, metadata, torch.float16)


def read_vocoder(source: str | os.PathLike[str]) -> VocoderFile:
    """Read a vocoder, strictly.

    Args:
        source: a file, or a folder that holds `vocoder.safetensors`.

    Raises:
        WeightsError: nothing is there, or it is truncated, foreign, or does not fit its own config.
    """
    path = vocoder_path(source)
    tensors, metadata = read_tensors(path, FORMAT)
    with metadata_errors(path):
        config = from_plain(VocosConfig, json.loads(metadata["config"]))
        mel = read_mel(path, metadata)
        notes = json.loads(metadata.get("notes", "{}"))
    network = Vocos(config, mel)
    load_strictly(path, {"network": network}, tensors)
    return VocoderFile(network.eval(), notes)


def vocoder_path(source: str | os.PathLike[str]) -> Path:
    """The file itself, or the one in a folder.

    Raises:
        WeightsError: it is not there.
    """
    return file_in(source, FILE_NAME, "vocoder")
