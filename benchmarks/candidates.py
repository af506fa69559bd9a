"""Candidates: reverse steps of the Score Subnet, the U-Net and DiffWave, and whole clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from benchmarks.diffwave import SAMPLES, STEPS, DiffWave
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.guidance import guided
from scoresubnet.model import DiffusionModel, ScoreModel, UNetModel
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.presets import PRESETS, Preset
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.networks.unet import UNet, UNetConfig
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import euler_maruyama
from scoresubnet.sampling import SAMPLING_PRESETS, Sampling
from scoresubnet.schedules import constant_guidance
from scoresubnet.score import ScoreFunction
from scoresubnet.sde import VPSDE

Run = Callable[[], object]
"""One reverse step, or one whole generation, of one batch."""

SUBNET, PLAIN, UNET, OUTSIDE = "Score Subnet", "Score Subnet, no gradient taps", "U-Net", "DiffWave"
GUIDED = {SUBNET: SUBNET, PLAIN: PLAIN, UNET: "U-Net + classifier"}
PAPER_STEPS = 100

TINY = Preset(
    ClassifierConfig((8, 16), (1, 1), 1, patch=4, time_dim=16),
    replace(PRESETS["small"].subnet, widths=(8,) * 4, blocks=(1,) * 4, time_dim=16),
    UNetConfig((8, 16), (1, 1), (1, 1), 1, patch=4, time_dim=16),
    classes=3,
)
"""Networks too small to be of use, with which the tests run the benchmark."""

SIZES = PRESETS | {"tiny": TINY}


@dataclass(frozen=True)
class Candidate:
    """A model and a way to run it, by name, so that a child process can build the same.

    Attributes:
        model: SUBNET, PLAIN, UNET or OUTSIDE.
        preset: a key of `SIZES`; of OUTSIDE, "published" or "tiny".
        guided: whether the class gradient is computed too, by the classifier or beside it.
    """

    model: str
    preset: str
    guided: bool

    @property
    def name(self) -> str:
        """As the tables show it."""
        return f"{GUIDED[self.model]}, guided" if self.guided else self.model

    @property
    def steps(self) -> int:
        """Network evaluations of one clip, as published."""
        return STEPS if self.model == OUTSIDE else PAPER_STEPS

    def build(self) -> Callable[[int], Run]:
        """(batch size) -> one reverse step; random weights, in channels_last as in `generate`."""
        torch.manual_seed(0)
        if self.model == OUTSIDE:
            return _diffwave(self.preset)
        preset = SIZES[self.preset]
        sde = VPSDE()
        backbone = FrozenClassifier(Classifier(preset.classifier, preset.classes))
        model: DiffusionModel
        if self.model == UNET:
            model = UNetModel(UNet(preset.unet), sde, "v", backbone)
        else:
            config = replace(preset.subnet, gradient_taps=self.model == SUBNET)
            model = ScoreModel(backbone, ScoreSubnet(config, preset.classifier), sde, "v")
        _ready(model)

        def step_of(batch: int) -> Run:
            labels = torch.arange(batch) % preset.classes
            score_fn: ScoreFunction = model.score
            if self.guided:
                both = model.with_class_gradient(labels)
                score_fn = guided(both, constant_guidance(3.0), model.score)
            x = torch.randn(batch, 1, preset.classifier.mel_bins, preset.classifier.frames)
            times = torch.tensor([0.5, 0.49], dtype=torch.float64)

            @torch.no_grad()
            def step() -> Tensor:
                return euler_maruyama(score_fn, x, times, x.clone, sde)

            return step

        return step_of


def step_candidates(presets: list[str], outside: bool = True) -> list[Candidate]:
    """All that take a reverse step; the first of each preset is the one the others are held to.

    Args:
        presets: keys of `SIZES`.
        outside: whether DiffWave is among them, a hundred times as slow.
    """
    found = []
    for preset in presets:
        found += [
            Candidate(model, preset, guided)
            for guided in (True, False)
            for model in (SUBNET, PLAIN, UNET)
        ]
    if not outside:
        return found
    return [*found, Candidate(OUTSIDE, "tiny" if presets == ["tiny"] else "published", False)]


SETTINGS = {
    **SAMPLING_PRESETS,
    "dpmpp-2m-sde, 20 steps": replace(SAMPLING_PRESETS["fast"], steps=20),
    "ddim, 20 steps": replace(SAMPLING_PRESETS["fast"], sampler="ddim", steps=20),
    "heun, 10 steps": replace(SAMPLING_PRESETS["fast"], sampler="heun"),
}
"""name -> a way to generate clips; the first is the one the others are held to."""


def clip_run(generator: SpeechGenerator, sampling: Sampling, batch: int) -> Run:
    """Sampling and vocoding of `batch` clips, the words in turn."""
    labels = [generator.labels[k % len(generator.labels)] for k in range(batch)]
    return lambda: generator.generate(labels, sampling=sampling)


def _diffwave(size: str) -> Callable[[int], Run]:
    network = DiffWave(2, 8, 2) if size == "tiny" else DiffWave()
    network.eval()

    def step_of(batch: int) -> Run:
        x, step = torch.randn(batch, 1, SAMPLES), torch.full((batch,), 100.0)

        @torch.no_grad()
        def run() -> Tensor:
            return network(x, step)

        return run

    return step_of


@torch.no_grad()
def _ready(network: nn.Module) -> nn.Module:
    """As `generate` has it, with random numbers in place of the zeros of a fresh network."""
    for parameter in network.parameters():
        if not parameter.any():
            parameter.normal_(std=0.02)
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
