import math

import pytest
import torch
from torch import Tensor

from scoresubnet.losses import audible, classifier_loss, dsm_loss
from scoresubnet.score import PARAMETRISATIONS, score_from_output
from scoresubnet.sde import VPSDE

SDE = VPSDE()
T = torch.tensor([0.01, 0.2, 0.6, 0.95], dtype=torch.float64)


@pytest.fixture
def x0() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(4, 1, 6, 5, generator=generator, dtype=torch.float64) * 2 - 1


@pytest.fixture
def noise() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, 1, 6, 5, generator=generator, dtype=torch.float64)


def crooked(x: Tensor, t: Tensor) -> Tensor:
    """Some network: depends on x and on t."""
    return torch.tanh(2 * x) + t.reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_the_perfect_network_has_no_loss(name: str, x0: Tensor, noise: Tensor) -> None:
    answer = PARAMETRISATIONS[name][0](x0, noise, T, SDE)
    loss = dsm_loss(lambda x, t: answer, x0, noise, T, SDE, name)
    assert torch.equal(loss, torch.zeros(4).double())


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_the_zero_network_loses_the_power_of_the_target(
    name: str, x0: Tensor, noise: Tensor
) -> None:
    target = PARAMETRISATIONS[name][0](x0, noise, T, SDE)
    loss = dsm_loss(lambda x, t: torch.zeros_like(x), x0, noise, T, SDE, name)
    expected = torch.stack([(item**2).sum() / 30 for item in target])
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(
    ("name", "weight"),
    [("epsilon", lambda a, s: s**2), ("v", lambda a, s: s**2 / a**2)],
)
def test_loss_is_the_weighted_distance_of_the_scores(
    name: str, weight, x0: Tensor, noise: Tensor
) -> None:
    """Equation 4 with lambda = sigma^2 (epsilon) or sigma^2 / alpha^2 (v), item by item."""
    loss = dsm_loss(crooked, x0, noise, T, SDE, name)
    xt = SDE.perturb(x0, noise, T)
    score = score_from_output(crooked(xt, T), xt, T, SDE, name)
    for k, t in enumerate(T.tolist()):
        alpha = math.exp(-0.5 * (0.1 * t + 9.95 * t**2))
        sigma = math.sqrt(1 - alpha**2)
        distance = ((score[k] + noise[k] / sigma) ** 2).mean()
        assert float(loss[k]) == pytest.approx(weight(alpha, sigma) * float(distance), rel=1e-9)


def test_loss_of_an_item_does_not_depend_on_the_others(x0: Tensor, noise: Tensor) -> None:
    together = dsm_loss(crooked, x0, noise, T, SDE, "v")
    for k in range(4):
        one = slice(k, k + 1)
        assert torch.equal(dsm_loss(crooked, x0[one], noise[one], T[one], SDE, "v"), together[one])


def test_loss_over_the_elements_that_count(x0: Tensor, noise: Tensor) -> None:
    counts = torch.rand(4, 1, 6, 5, generator=torch.Generator().manual_seed(2)) < 0.5
    counts[3] = False  # nothing: no loss
    loss = dsm_loss(crooked, x0, noise, T, SDE, "v", counts)
    answer = PARAMETRISATIONS["v"][0](x0, noise, T, SDE)
    errors = (crooked(SDE.perturb(x0, noise, T), T) - answer) ** 2
    for k in range(3):
        torch.testing.assert_close(loss[k], errors[k][counts[k]].mean())
    assert loss[3] == 0


def test_digital_silence_and_its_neighbours_are_not_audible() -> None:
    x0 = torch.full((2, 1, 80, 64), -0.5)
    x0[0, :, 60:] = -1  # above 4 kHz
    x0[0, :, :, 50:] = -1  # after the word
    expected = torch.ones(2, 1, 80, 64, dtype=torch.bool)
    expected[0, :, 58:] = False
    expected[0, :, :, 49:] = False
    assert torch.equal(audible(x0), expected)


def test_classifier_loss_by_hand() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0]])
    labels = torch.tensor([2, 1, 0])
    expected = [
        math.log(sum(math.exp(z) for z in row)) - row[label]
        for row, label in zip(logits.tolist(), labels.tolist(), strict=True)
    ]
    loss = classifier_loss(logits, labels)
    assert loss.shape == (3,)
    torch.testing.assert_close(loss, torch.tensor(expected))
    assert float(loss[1]) == pytest.approx(math.log(3))
