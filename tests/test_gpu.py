"""What runs on a GPU gives what the CPU gives; skipped where there is none."""

import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model import ScoreModel
from scoresubnet.training.augment import augment
from scoresubnet.training.config import AugmentConfig
from scoresubnet.training.steps import step_generator
from scoresubnet.training.times import TIME_DISTRIBUTIONS
from scoresubnet.weights import load_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
X = torch.randn(4, 1, 80, 64, generator=torch.Generator().manual_seed(0))
T = torch.tensor([0.05, 0.2, 0.5, 0.9])


def shipped_model() -> ScoreModel:
    return load_model("words18-small").score_model().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def test_score_and_guidance_are_those_of_the_cpu() -> None:
    """Convolutions may round their factors to TF32 there, to three digits."""
    labels, model = torch.arange(4), shipped_model()
    with torch.no_grad():
        expected = model.with_class_gradient(labels)(X, T)
        model.to("cuda")
        found = model.with_class_gradient(labels.cuda())(X.cuda(), T.cuda())
    for there, here in zip(found, expected, strict=True):
        assert there is not None
        assert here is not None
        assert (there.cpu() - here).norm() < 5e-3 * here.norm()


def test_compiled_the_model_is_the_same() -> None:
    model = shipped_model().to("cuda")
    with torch.no_grad():
        expected = model(X.cuda(), T.cuda())
        found = torch.compile(model.forward)(X.cuda(), T.cuda())
    assert (found - expected).norm() < 5e-3 * expected.norm()


def test_training_draws_on_the_gpu() -> None:
    every = AugmentConfig(8, stretch=0.2, warp=0.1, gain=10, lowpass=0.5, noise=0.5, mask=0.5)
    x = X.cuda().clamp(-1, 1)

    def drawn() -> list[torch.Tensor]:
        g = step_generator(0, "noise", 3, x.device)
        times = [draw(4, 1e-3, g) for draw in TIME_DISTRIBUTIONS.values()]
        return [augment(x, every, MelSettings(), g), *times]

    first, second = drawn(), drawn()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert {value.device.type for value in first} == {"cuda"}
    assert first[0].abs().max() <= 1
    assert not torch.equal(first[0], x)
