"""A last layer on a frozen body: of its own recordings alone, the same for the same seed."""

import pytest
import torch
from torch import Tensor

from scoresubnet.adaptation.head import (
    Bank,
    HeadConfig,
    features_of,
    fit_head,
    noisy_copies,
    with_head,
)
from scoresubnet.audio.mel import MelSettings
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.sde import VPSDE

FEW = HeadConfig(most_copies=6, bank=100, steps=60, batch_size=16)


@pytest.fixture(scope="module")
def backbone() -> FrozenClassifier:
    torch.manual_seed(0)
    config = ClassifierConfig(widths=(8, 16), blocks=(1, 1), bottleneck_blocks=1, patch=4)
    return FrozenClassifier(Classifier(config, 3))


@pytest.fixture(scope="module")
def log_mels() -> Tensor:
    """Ten clips: five loud at the bottom, five at the top."""
    x = -0.9 + 0.1 * torch.randn(10, 1, 80, 64, generator=torch.Generator().manual_seed(0))
    x[:5, :, :30] += 1.2
    x[5:, :, 50:] += 1.2
    return x.clamp(-1, 1)


LABELS = [0] * 5 + [1] * 5


def _bank(backbone: FrozenClassifier, log_mels: Tensor, config: HeadConfig = FEW) -> Bank:
    return noisy_copies(backbone, log_mels, MelSettings(), VPSDE(), config, 0, progress=False)


def test_words_are_learned_and_the_body_is_what_it_was(
    backbone: FrozenClassifier, log_mels: Tensor
) -> None:
    before = {k: v.clone() for k, v in backbone.classifier.state_dict().items()}
    head = fit_head(_bank(backbone, log_mels), LABELS, 2, FEW, seed=0)
    made = with_head(backbone.classifier, head)
    t = torch.full((10,), 0.001)
    assert made(log_mels, t).argmax(1).tolist() == LABELS
    after = backbone.classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    body = {k: v for k, v in made.state_dict().items() if not k.startswith("head.")}
    assert all(torch.equal(before[name], body[name]) for name in body)
    expected = head(features_of(backbone, log_mels, t))
    torch.testing.assert_close(made(log_mels, t), expected)


def test_copies_are_noisy_and_as_many_as_the_bank_holds(
    backbone: FrozenClassifier, log_mels: Tensor
) -> None:
    bank = _bank(backbone, log_mels)
    assert torch.bincount(bank.rows).tolist() == [6] * 10
    of_one = bank.features[bank.rows == 3]
    assert len(of_one.unique(dim=0)) == 6
    assert len(_bank(backbone, log_mels, HeadConfig(most_copies=6, bank=25)).rows) == 20
    assert len(_bank(backbone, log_mels, HeadConfig(most_copies=6, bank=5)).rows) == 10


def test_what_is_left_out_teaches_nothing(backbone: FrozenClassifier, log_mels: Tensor) -> None:
    """Whatever its features are."""
    bank = _bank(backbone, log_mels)
    labels = [0, 0, 0, 0, -1, 1, 1, 1, 1, -1]
    head = fit_head(bank, labels, 2, FEW, seed=0)
    spoilt = bank.features.clone()
    spoilt[(bank.rows == 4) | (bank.rows == 9)] = 1e3
    again = fit_head(Bank(spoilt, bank.rows), labels, 2, FEW, seed=0)
    assert torch.equal(head.weight, again.weight)


def test_a_seed_is_all_that_is_drawn(backbone: FrozenClassifier, log_mels: Tensor) -> None:
    bank = _bank(backbone, log_mels)
    torch.manual_seed(1)
    first = fit_head(bank, LABELS, 2, FEW, seed=0)
    torch.manual_seed(2)
    assert torch.equal(first.weight, fit_head(bank, LABELS, 2, FEW, seed=0).weight)
    assert not torch.equal(first.weight, fit_head(bank, LABELS, 2, FEW, seed=3).weight)
    assert torch.equal(bank.features, _bank(backbone, log_mels).features)


def test_a_rare_word_weighs_as_much(backbone: FrozenClassifier, log_mels: Tensor) -> None:
    """One recording against five, of features that tell nothing: both are as likely."""
    rows = torch.arange(6).repeat(6)
    bank = Bank(torch.zeros(36, 4), rows)
    head = fit_head(bank, [0] * 5 + [1], 2, HeadConfig(steps=400, batch_size=256), seed=0)
    share = head(torch.zeros(1, 4)).softmax(1)[0, 1].item()
    assert share == pytest.approx(0.5, abs=0.05)
