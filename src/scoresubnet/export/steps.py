"""Which graphs a model has: its step, in parts that a runtime without torch puts together.

    role        inputs         outputs
    guided      x, t, labels   output, class_gradient, logits
    score       x, t, labels   output
    classifier  x, t, labels   class_gradient, logits

A vocoder has one, "pitch": x (batch, 1, F, frames) -> bins (batch, frames, bins), voiced (batch,
frames), logits both.

x, output and class_gradient are (batch, 1, F, T) float32, t (batch,) float32, labels (batch,)
int64, where -1 is no label, and logits (batch, C). What is predicted, "v" or "epsilon", the file of
weights says; alpha and sigma are no part of the graphs, as they need float64 (`sde`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from scoresubnet.backbone import FrozenClassifier
from scoresubnet.cost import step_mib
from scoresubnet.graphs.to_onnx import Exported
from scoresubnet.model import ScoreModel
from scoresubnet.vocoders.file import VocoderFile
from scoresubnet.weights import ModelFile

ITEMS = 3  # of the example: a number that stands nowhere else in a shape


class Step(nn.Module):
    """A function of x, t and labels, with the networks that it reads."""

    def __init__(self, networks: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.networks, self.function = networks, function

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Any:
        return self.function(x, t, labels)


def steps_of(file: ModelFile) -> dict[str, Exported]:
    """Role -> what is to be exported of a file of weights.

    A Score Subnet with label taps gives its score and the class gradient in one way back, so that
    "guided" is all that it needs; others have "score" as well, which costs less.
    """
    if file.subnet is None and file.unet is None:
        backbone = file.backbone()
        return {"classifier": _exported(file, _guide(backbone), ("class_gradient", "logits"), {})}
    model = file.score_model()
    about = {"step_mib": round(step_mib(model, (file.mel.n_mels, file.mel.frames)), 2)}
    score = _exported(file, Step(model, model.forward), ("output",), about)
    if not isinstance(model, ScoreModel):
        return {"score": score}
    names = ("output", "class_gradient", "logits")
    guided = _exported(file, Step(model, model.step), names, about)
    return {"guided": guided} if model.is_label_conditioned else {"guided": guided, "score": score}


def pitch_of(file: VocoderFile) -> Exported:
    """What is to be exported of a vocoder."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(ITEMS, 1, file.mel.n_mels, 50, generator=generator).clamp(-1, 1)
    free = {"x": {0: "batch", 3: "frames"}}
    return Exported(file.network.eval(), {"x": x}, ("bins", "voiced"), free, {})


def _guide(backbone: FrozenClassifier) -> Step:
    def guide(x: Tensor, t: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        features = backbone.features(x, t, False, labels)
        assert features.class_gradient is not None
        return features.class_gradient, features.logits

    return Step(backbone, guide)


def _exported(
    file: ModelFile, step: Step, outputs: tuple[str, ...], about: dict[str, Any]
) -> Exported:
    generator = torch.Generator().manual_seed(0)
    inputs = {
        "x": torch.randn(ITEMS, 1, file.mel.n_mels, file.mel.frames, generator=generator),
        "t": torch.linspace(file.sde.t_eps, 0.7, ITEMS),
        "labels": torch.tensor([0, -1, len(file.labels) - 1]),
    }
    free = {name: {0: "batch"} for name in inputs}
    return Exported(step.eval(), inputs, outputs, free, about)
