from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.networks.adjoint import record
from scoresubnet.networks.classifier import Classifier, ClassifierConfig

Batch = tuple[Tensor, Tensor, Tensor]
SMALL: dict[str, Any] = {
    "widths": (8, 12, 16),
    "blocks": (1, 2, 1),
    "bottleneck_blocks": 1,
    "time_dim": 16,
}


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_taps_have_the_promised_shapes(patch: int) -> None:
    config = ClassifierConfig(**SMALL, patch=patch)
    output = Classifier(config, 5).features(torch.randn(2, 1, 80, 64), torch.rand(2))
    assert output.logits.shape == (2, 5)
    assert tuple(tuple(h.shape[1:]) for h in output.taps) == config.tap_shapes


def test_tap_shapes_of_the_paper() -> None:
    """Stride 2 between the stages and none after the last, two blocks at its resolution."""
    assert ClassifierConfig().tap_shapes == (
        (64, 80, 64),
        (64, 80, 64),
        (128, 40, 32),
        (256, 20, 16),
        (256, 20, 16),
    )


def test_size_of_the_paper() -> None:
    """8.25 M parameters with a time embedding of 256, 0.8 M of them in the head: the design."""
    with torch.device("meta"):
        classifier = Classifier(ClassifierConfig(time_dim=256), 10)
    count = sum(p.numel() for p in classifier.parameters())
    assert count == pytest.approx(8.25e6, rel=0.01)
    assert sum(p.numel() for p in classifier.head.parameters()) == pytest.approx(0.82e6, rel=0.01)


def test_logits_depend_on_input_and_time(
    fill: Callable[..., Any], tiny: ClassifierConfig, batch: Batch
) -> None:
    classifier, (x, t, _) = fill(Classifier(tiny, 3)).eval(), batch
    logits = classifier(x, t)
    assert torch.equal(logits, classifier.features(x, t).logits)
    assert (logits - classifier(x, 1 - t)).abs().max() > 1e-3
    assert (logits - classifier(x.flip(3), t)).abs().max() > 1e-3


def test_dropout_acts_in_training_only(fill: Callable[..., Any], batch: Batch) -> None:
    config = ClassifierConfig((8, 16), (1, 1), 1, patch=4, time_dim=16, dropout=0.5)
    classifier, (x, t, _) = fill(Classifier(config, 3)), batch
    assert not torch.equal(classifier.train()(x, t), classifier(x, t))
    assert torch.equal(classifier.eval()(x, t), classifier(x, t))


def test_other_sizes_of_input_are_refused(tiny: ClassifierConfig) -> None:
    classifier = Classifier(tiny, 3)
    for shape in ((1, 1, 80, 60), (1, 2, 80, 64), (1, 1, 64, 80), (1, 80, 64)):
        with pytest.raises(ValueError, match="expected x of shape"):
            classifier(torch.zeros(shape), torch.ones(1))


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one number of blocks per stage"):
        ClassifierConfig(widths=(8, 16), blocks=(1, 1, 1))
    with pytest.raises(ValueError, match="80 x 64 does not divide by 32"):
        ClassifierConfig(widths=(8,) * 6, blocks=(1,) * 6)
    with pytest.raises(ValueError, match="patch 3"):
        ClassifierConfig(patch=3)
    with pytest.raises(ValueError, match="80 x 63"):
        ClassifierConfig(frames=63)


@pytest.mark.parametrize("bottleneck", [0, 2])
def test_every_block_may_have_a_tap(bottleneck: int, fill: Callable[..., Any]) -> None:
    """Those of the stages are among them."""
    config = ClassifierConfig((8, 16), (1, 3), bottleneck, patch=4, time_dim=16)
    classifier = fill(Classifier(config, 5))
    x, t = torch.randn(2, 1, 80, 64, generator=torch.Generator().manual_seed(0)), torch.rand(2)
    few, many = classifier.features(x, t).taps, classifier.features(x, t, every_block=True).taps
    assert tuple(tuple(h.shape[1:]) for h in many) == config.block_shapes
    assert len(many) == 1 + 4 + bottleneck
    places = [0, 1, 4, 4 + bottleneck]
    assert all(torch.equal(few[k], many[place]) for k, place in enumerate(places))
    recorded = record(classifier.eval(), x, t, every_block=True)
    assert len(recorded.steps) == len(recorded.taps) == len(many)
