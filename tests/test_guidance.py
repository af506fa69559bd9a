from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from scoresubnet.guidance import class_gradient, guided, separately
from scoresubnet.model import ScoreModel
from scoresubnet.schedules import constant_guidance

Batch = tuple[Tensor, Tensor, Tensor]


class Linear:
    """logits = (1 + t) W x + b: every gradient is known on paper."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(5)
        self.w = torch.randn(4, 6, generator=generator, dtype=torch.float64)
        self.b = torch.randn(4, generator=generator, dtype=torch.float64)

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        return (1 + t[:, None]) * (x.flatten(1) @ self.w.T) + self.b


@pytest.fixture
def points() -> Batch:
    x = torch.randn(3, 1, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x, torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64), torch.tensor([3, 0, 2])


def test_class_gradient_of_a_linear_classifier(points: Batch) -> None:
    """grad log p(y | x) = (1 + t) (W_y - sum_c p(c | x) W_c), each item on its own."""
    x, t, labels = points
    linear = Linear()
    gradient = class_gradient(linear, x, t, labels)
    p = linear(x, t).softmax(1)
    for k in range(3):
        row = (1 + t[k]) * (linear.w[labels[k]] - p[k] @ linear.w)
        torch.testing.assert_close(gradient[k], row.reshape(1, 2, 3))


def test_class_gradient_leaves_its_input_alone_and_works_without_grad(points: Batch) -> None:
    x, t, labels = points
    expected = class_gradient(Linear(), x, t, labels)
    with torch.no_grad():
        gradient = class_gradient(Linear(), x, t, labels)
        assert not torch.is_grad_enabled()
    assert torch.equal(gradient, expected)
    assert not gradient.requires_grad
    assert not x.requires_grad
    assert x.grad is None


def test_a_step_along_the_class_gradient_raises_the_probability(points: Batch) -> None:
    x, t, labels = points
    linear = Linear()

    def log_p(x: Tensor) -> Tensor:
        return linear(x, t).log_softmax(1).gather(1, labels[:, None])

    assert (log_p(x + 1e-3 * class_gradient(linear, x, t, labels)) > log_p(x)).all()


def test_guided_score_adds_gamma_of_each_item(points: Batch) -> None:
    """s + gamma(t) g, with a gamma that differs from item to item."""
    x, t, _ = points
    score_fn = guided(lambda x, t: (2 * x, x**2), lambda t: 10 * t)
    result = score_fn(x, t)
    for k, gamma in enumerate((1.0, 5.0, 9.0)):
        torch.testing.assert_close(result[k], 2 * x[k] + gamma * x[k] ** 2)


def test_gamma_must_have_one_value_per_item(points: Batch) -> None:
    x, t, _ = points
    with pytest.raises(ValueError, match="one value per item"):
        guided(lambda x, t: (x, x), lambda t: t[:1])(x, t)


def test_separately_pairs_any_score_with_any_classifier(points: Batch) -> None:
    x, t, labels = points
    score, gradient = separately(lambda x, t: -x, Linear(), labels)(x, t)
    assert torch.equal(score, -x)
    assert torch.equal(gradient, class_gradient(Linear(), x, t, labels))


@pytest.mark.parametrize("gradient_taps", [True, False])
def test_shared_pass_equals_the_sum_of_its_parts(
    gradient_taps: bool, make_score_model: Callable[..., ScoreModel], batch: Batch
) -> None:
    """Guidance by one shared forward pass is the classical guidance by two separate models."""
    model = make_score_model(gradient_taps=gradient_taps)
    x, t, labels = batch
    with torch.no_grad():
        shared = guided(model.with_class_gradient(labels), constant_guidance(3.0))(x, t)
        apart = guided(separately(model.score, model.backbone, labels), constant_guidance(3.0))(
            x, t
        )
        by_hand = model.score(x, t) + 3 * class_gradient(model.backbone, x, t, labels)
    torch.testing.assert_close(shared, apart, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(shared, by_hand, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(shared, model.score(x, t), rtol=1e-3, atol=1e-3)


def test_no_guidance_is_the_unconditional_score(
    make_score_model: Callable[..., ScoreModel], batch: Batch
) -> None:
    model = make_score_model()
    x, t, labels = batch
    with torch.no_grad():
        score = guided(model.with_class_gradient(labels), constant_guidance(0.0))(x, t)
        assert torch.equal(score, model.score(x, t))


def test_labels_move_the_guidance_and_nothing_else(
    make_score_model: Callable[..., ScoreModel], batch: Batch
) -> None:
    model = make_score_model()
    x, t, labels = batch
    with torch.no_grad():
        score, gradient = model.with_class_gradient(labels)(x, t)
        other_score, other_gradient = model.with_class_gradient((labels + 1) % 3)(x, t)
    assert torch.equal(score, other_score)
    assert all(not torch.equal(a, b) for a, b in zip(gradient, other_gradient, strict=True))
