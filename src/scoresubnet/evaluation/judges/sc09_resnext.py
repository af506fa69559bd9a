"""The classifier of published SC09 figures: FID, IS, mIS and AM are computed with its outputs.

ResNeXt-29, 8 x 64d (Xie et al., CVPR 2017, section 5.3), trained by Goel et al. (SaShiMi, ICML
2022) on the digits of Speech Commands: `sc09_classifier/resnext.pth` of
https://huggingface.co/krandiash/sashimi-release (98.08 % right on the SC09 test set). The benchmark
gzhu06/Unconditional-Audio-Generation-Benchmark uses the same file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.audio.io import Audio
from scoresubnet.audio.mel import MelSettings, mel_filterbank
from scoresubnet.data.words import DIGITS
from scoresubnet.evaluation.judges.base import Embedded, classified
from scoresubnet.evaluation.judges.waveforms import RATE
from scoresubnet.weight_files.foreign_weights import load_foreign, weights_hash
from scoresubnet.word_evaluator.network import ResNeXtOutput

# librosa's defaults of 2021: `melspectrogram(sr=16_000, n_mels=32)`; a second is 32 frames.
FRONT_END = MelSettings(
    n_fft=2048, win_length=2048, hop_length=512, n_mels=32, power=2.0, floor=1e-10, frames=33
)
RANGE = 80.0  # decibels below the loudest bin of the clip

Padding = Literal["reflect", "constant"]

PUBLISHED_CLASSES = (
    "torch.nn.parallel.data_parallel.DataParallel",
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.linear.Linear",
    "models.resnext.CifarResNeXt",
    "models.resnext.ResNeXtBottleneck",
)
"""Classes that the published file names: a whole module, saved by the script that trained it."""


@dataclass(frozen=True)
class CifarResNeXtConfig:
    """Shape of the network; the defaults are those of the published one.

    Attributes:
        classes: how many words.
        cardinality: groups of the 3 x 3 convolutions.
        depth: layers: 2 more than a multiple of 9.
        base_width: channels of a group in the first stage.
        widen: channels of the first stage, over 64.
    """

    classes: int = len(DIGITS)
    cardinality: int = 8
    depth: int = 29
    base_width: int = 64
    widen: int = 4


class CifarResNeXt(nn.Module):
    """Log-Mels (B, 1, 32, 32) in decibels -> word. Its tensors have the published names."""

    def __init__(self, config: CifarResNeXtConfig | None = None) -> None:
        super().__init__()
        config = config or CifarResNeXtConfig()
        self.conv_1_3x3 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        self.bn_1 = nn.BatchNorm2d(64)
        first = 64 * config.widen
        self.stage_1 = _stage("stage_1", 64, first, 1, config)
        self.stage_2 = _stage("stage_2", first, 2 * first, 2, config)
        self.stage_3 = _stage("stage_3", 2 * first, 4 * first, 2, config)
        self.classifier = nn.Linear(4 * first, config.classes)

    def forward(self, x: Tensor) -> ResNeXtOutput:
        """Logits (B, 10), and the embedding (B, 1024): the mean over the last 8 x 8 positions.

        Raises:
            ValueError: x is not (B, 1, 32, 32).
        """
        if x.shape[1:] != (1, 32, 32):
            raise ValueError(f"log-Mels must be (B, 1, 32, 32), not {tuple(x.shape)}")
        h = F.relu(self.bn_1(self.conv_1_3x3(x)))
        embedding = self.stage_3(self.stage_2(self.stage_1(h))).mean(dim=(2, 3))
        return ResNeXtOutput(self.classifier(embedding), embedding)


class _Bottleneck(nn.Module):
    """1 x 1, grouped 3 x 3 and 1 x 1 convolution beside a shortcut (figure 3c)."""

    def __init__(self, inputs: int, outputs: int, stride: int, config: CifarResNeXtConfig) -> None:
        super().__init__()
        per_group = config.base_width * outputs // (64 * config.widen)
        width = config.cardinality * per_group
        self.conv_reduce = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn_reduce = nn.BatchNorm2d(width)
        self.conv_conv = nn.Conv2d(
            width, width, 3, stride, padding=1, groups=config.cardinality, bias=False
        )
        self.bn = nn.BatchNorm2d(width)
        self.conv_expand = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn_expand = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut.add_module("shortcut_conv", convolution)
            self.shortcut.add_module("shortcut_bn", nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn_reduce(self.conv_reduce(x)))
        h = F.relu(self.bn(self.conv_conv(h)))
        return F.relu(self.shortcut(x) + self.bn_expand(self.conv_expand(h)))


def _stage(
    name: str, inputs: int, outputs: int, stride: int, config: CifarResNeXtConfig
) -> nn.Sequential:
    blocks = nn.Sequential()
    for k in range((config.depth - 2) // 9):
        block = _Bottleneck(outputs if k else inputs, outputs, 1 if k else stride, config)
        blocks.add_module(f"{name}_bottleneck_{k}", block)
    return blocks


class SC09ResNeXt:
    """The published judge of SC09 clips: 1024 features, and the probabilities of the ten digits.

    As its scripts do, it hears exactly one second: a longer clip is cut off, a shorter one is
    followed by zeros.

    Args:
        network: with weights.
        padding: at the ends of a clip, before the STFT. Librosa padded by reflection until 0.8, by
            zeros since 0.9 of February 2022; the scripts leave it to librosa. The weights are
            older than 0.9 ("reflect"); who runs the scripts today gets "constant".

    Raises:
        ValueError: there is no such padding, or the network has not ten classes.
    """

    name = "sc09_resnext"
    labels = DIGITS

    def __init__(self, network: CifarResNeXt, padding: Padding = "reflect") -> None:
        if padding not in get_args(Padding):
            raise ValueError(f"unknown padding {padding!r}; known: {', '.join(get_args(Padding))}")
        if network.classifier.out_features != len(self.labels):
            raise ValueError(f"the network has not {len(self.labels)} classes")
        self.network = network.requires_grad_(False).eval()
        self.padding: Padding = padding
        self._weights = weights_hash(network)
        self._front_end = DecibelMel(padding)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        padding: Padding = "reflect",
        config: CifarResNeXtConfig | None = None,
    ) -> SC09ResNeXt:
        """The weights of a local file, loaded strictly; nothing in it is run.

        It is the published `resnext.pth` (a pickled module, of which only the tensors are taken),
        a checkpoint or a state dict of the same names, or safetensors. If a pickled file is
        refused because it names other classes, and you trust it, convert it beside the scripts
        that wrote it, at your own risk, since this runs what is in the file:

            python -c "import torch; m = torch.load('resnext.pth', 'cpu', weights_only=False);
            torch.save(m.state_dict(), 'resnext-tensors.pth')"

        Raises:
            WeightsError: the file is missing, damaged, or of another network.
        """
        with torch.device("meta"):  # neither time nor random numbers for what is replaced
            network = CifarResNeXt(config)
        network = network.to_empty(device="cpu")
        load_foreign(path, network, PUBLISHED_CLASSES)
        return cls(network, padding)

    @property
    def settings(self) -> dict[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        return {"weights": self._weights, "padding": self.padding, "torch": version("torch")}

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The 1024 features before the last layer, and the probabilities, of clips (samples,).

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        return classified(self._classify, clips, progress, self.name)

    def _classify(self, clip: Audio) -> ResNeXtOutput:
        second = np.pad(clip[:RATE], (0, max(0, RATE - len(clip))))
        return self.network(self._front_end(torch.from_numpy(second)[None]))


class DecibelMel(nn.Module):
    """Audio (B, 16000) -> power in 32 Slaney Mel bands, in decibels, (B, 1, 32, 32).

    Each clip's loudest bin is 0, and none is below -80, as librosa's `melspectrogram` has it, then
    `power_to_db(ref=np.max)`. Silence is 0 throughout.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, padding: Padding = "reflect") -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("window", torch.hann_window(FRONT_END.win_length), persistent=False)
        filters = torch.from_numpy(mel_filterbank(FRONT_END))
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        spectrum = torch.stft(
            audio,
            FRONT_END.n_fft,
            FRONT_END.hop_length,
            window=self.window,
            pad_mode=self.padding,
            return_complex=True,
        )
        power = self.filters @ (spectrum.real**2 + spectrum.imag**2)
        level = 10 * torch.log10(power.clamp(min=FRONT_END.floor))
        return (level - level.amax(dim=(1, 2), keepdim=True)).clamp(min=-RANGE)[:, None]
