"""What is said of recordings comes from heads that have not learned from them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from scoresubnet.adaptation.head import HeadConfig, noisy_copies
from scoresubnet.adaptation.held_out import TIMES, HeldOut, cross_validated, heads_without
from scoresubnet.audio.mel import MelSettings
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.sde import VPSDE

FEW = HeadConfig(most_copies=6, bank=200, steps=60, batch_size=16)
FOLDS = np.array([0, 1, 2, 3, 4] * 4)


@pytest.fixture(scope="module")
def backbone() -> FrozenClassifier:
    torch.manual_seed(0)
    config = ClassifierConfig(widths=(8, 16), blocks=(1, 1), bottleneck_blocks=1, patch=4)
    return FrozenClassifier(Classifier(config, 3))


def _clips(loud: list[int]) -> Tensor:
    """A clip each, loud in the lower (0) or upper (1) bins."""
    x = -0.9 + 0.1 * torch.randn(len(loud), 1, 80, 64, generator=torch.Generator().manual_seed(0))
    for k, upper in enumerate(loud):
        x[k, :, 50 * upper : 30 + 50 * upper] += 1.2
    return x.clamp(-1, 1)


def _found(backbone: FrozenClassifier, loud: list[int], labels: list[int]) -> HeldOut:
    x = _clips(loud)
    bank = noisy_copies(backbone, x, MelSettings(), VPSDE(), FEW, 0, progress=False)
    heads = heads_without(bank, labels, FOLDS, FEW)
    return cross_validated(backbone, x, heads, labels, FOLDS, VPSDE())


def test_words_that_differ_are_heard(backbone: FrozenClassifier) -> None:
    labels = [0] * 10 + [1] * 10
    found = _found(backbone, labels, labels)
    assert list(found.right) == list(found.sure) == list(TIMES)
    assert found.right[TIMES[0]] == 1
    assert found.sure[TIMES[0]] > 0.8
    assert found.sure[0.5] < found.sure[TIMES[0]]
    assert found.heard == [[1, 0], [0, 1]]
    assert found.confusions(["low", "high"]) == []


def test_labels_that_mean_nothing_are_not_heard(backbone: FrozenClassifier) -> None:
    """Each clip could be learned by heart, but none of them is heard by a head that knows it."""
    labels = [0, 1] * 10
    found = _found(backbone, [0] * 20, labels)
    assert found.right[TIMES[0]] < 0.8
    assert found.sure[TIMES[0]] < 0.7


def test_one_that_sounds_like_another_is_told(backbone: FrozenClassifier) -> None:
    labels = [0] * 10 + [1] * 10
    found = _found(backbone, [0] * 10 + [0, 0, 0, 0, 1, 1, 1, 1, 1, 1], labels)
    np.testing.assert_allclose(np.sum(found.heard, axis=1), 1)
    (first, *_) = found.confusions(["low", "high"], least=0.3)
    assert first[:2] == ("high", "low")
    assert first[2] == pytest.approx(0.4)
