from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from scoresubnet.guidance import Guide, clamped, guided, renormalised
from scoresubnet.model import ScoreModel
from scoresubnet.schedules import adaptive_guidance, constant_guidance, interval_guidance
from tests.autograd import class_gradient, separately

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


def both(x: Tensor, t: Tensor) -> Guide:
    """Score 2 x, class gradient x^2, and a probability of 1 - t."""
    return Guide(2 * x, x**2, 1 - t)


def test_guided_score_adds_gamma_of_each_item(points: Batch) -> None:
    """s + gamma(t) g, with a gamma that differs from item to item."""
    x, t, _ = points
    result = guided(both, lambda t, p=None: 10 * t)(x, t)
    for k, gamma in enumerate((1.0, 5.0, 9.0)):
        torch.testing.assert_close(result[k], 2 * x[k] + gamma * x[k] ** 2)


def test_gamma_must_have_one_value_per_item(points: Batch) -> None:
    x, t, _ = points
    with pytest.raises(ValueError, match="one value per item"):
        guided(both, lambda t, p=None: t[:1])(x, t)


def test_gamma_is_told_the_probability_of_each_item(points: Batch) -> None:
    """With p = 1 - t, adaptive guidance is gamma t^2 at power 2."""
    x, t, _ = points
    result = guided(both, adaptive_guidance(3.0, power=2.0))(x, t)
    for k, gamma in enumerate((0.03, 0.75, 2.43)):
        torch.testing.assert_close(result[k], 2 * x[k] + gamma * x[k] ** 2)


def test_separately_pairs_any_score_with_any_classifier(points: Batch) -> None:
    x, t, labels = points
    score, gradient, p = separately(lambda x, t: -x, Linear(), labels)(x, t)
    assert torch.equal(score, -x)
    assert torch.equal(gradient, class_gradient(Linear(), x, t, labels))
    torch.testing.assert_close(p, Linear()(x, t).softmax(1)[range(3), labels])
    assert p is not None
    assert not p.requires_grad


def test_outside_its_interval_only_the_score_is_asked(points: Batch) -> None:
    x, _, labels = points
    asked: list[str] = []

    def score(x: Tensor, t: Tensor) -> Tensor:
        asked.append("score")
        return -x

    def linear(x: Tensor, t: Tensor) -> Tensor:
        asked.append("classifier")
        return Linear()(x, t)

    score_fn = guided(
        separately(score, linear, labels), interval_guidance(3.0, 0.2, 0.6), alone=score
    )
    for t, expected in ((0.7, ["score"]), (0.5, ["score", "classifier"]), (0.1, ["score"])):
        asked.clear()
        result = score_fn(x, torch.full((3,), t, dtype=x.dtype))
        assert asked == expected
        assert torch.equal(result, -x) == (len(expected) == 1)


def test_one_item_inside_the_interval_is_enough_to_ask(points: Batch) -> None:
    """Times 0.1, 0.5, 0.9: only the one in the middle is guided, and the others are left alone."""
    x, t, labels = points
    model = separately(lambda x, t: -x, Linear(), labels)
    result = guided(model, interval_guidance(3.0, 0.2, 0.6), alone=lambda x, t: -x)(x, t)
    assert torch.equal(result[0], -x[0])
    assert torch.equal(result[2], -x[2])
    expected = -x + 3 * class_gradient(Linear(), x, t, labels)
    torch.testing.assert_close(result[1], expected[1])


def per_item(*norms: float) -> Tensor:
    """Random (B, 1, 2, 3) with these norms."""
    x = torch.randn(len(norms), 1, 2, 3, generator=torch.Generator().manual_seed(3))
    scale = torch.tensor(norms) / x.flatten(1).norm(dim=1)
    return x * scale[:, None, None, None]


def norms(x: Tensor) -> list[float]:
    return x.flatten(1).norm(dim=1).tolist()


def test_clamp_shortens_the_terms_that_are_too_long_and_no_others() -> None:
    score, term = per_item(1.0, 2.0, 10.0), per_item(8.0, 8.0, 8.0)
    found = clamped(term, score, 1.5)
    assert norms(found) == pytest.approx([1.5, 3.0, 8.0], rel=1e-5)
    assert torch.equal(found[2], term[2])
    cosine = torch.cosine_similarity(found.flatten(1), term.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(3))


def test_renormalised_keeps_the_direction_of_one_and_the_norm_of_the_other() -> None:
    score, total = per_item(1.0, 2.0, 10.0), per_item(8.0, 0.5, 8.0)
    found = renormalised(total, score)
    assert norms(found) == pytest.approx([1.0, 2.0, 10.0], rel=1e-5)
    cosine = torch.cosine_similarity(found.flatten(1), total.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(3))


def test_clamp_and_renormalisation_leave_an_unguided_item_as_it_is() -> None:
    """Bit for bit: it may stand in a batch with guided ones. Zeros are no division by zero."""
    score = per_item(1.0, 2.0, 0.0)
    assert torch.equal(clamped(torch.zeros_like(score), score, 0.5), torch.zeros_like(score))
    assert torch.equal(renormalised(score, score), score)


def test_guided_clamps_first_and_renormalises_then(points: Batch) -> None:
    x, t, _ = points
    gamma = constant_guidance(50.0)
    term = clamped(50 * x**2, 2 * x, 0.5)
    for renormalise, expected in (
        (False, 2 * x + term),
        (True, renormalised(2 * x + term, 2 * x)),
    ):
        score_fn = guided(both, gamma, clamp=0.5, renormalise=renormalise)
        torch.testing.assert_close(score_fn(x, t), expected)
    unclamped = guided(both, gamma, renormalise=True)(x, t)
    torch.testing.assert_close(unclamped, renormalised(2 * x + 50 * x**2, 2 * x))


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
    torch.testing.assert_close(shared, apart, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(shared, by_hand, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(shared, model.score(x, t), rtol=1e-3, atol=1e-3)


def test_no_guidance_is_the_unconditional_score(
    make_score_model: Callable[..., ScoreModel], batch: Batch
) -> None:
    model = make_score_model()
    x, t, labels = batch
    with torch.no_grad():
        score = guided(model.with_class_gradient(labels), constant_guidance(0.0))(x, t)
        torch.testing.assert_close(score, model.score(x, t), rtol=1e-5, atol=1e-5)


def test_labels_move_the_guidance_and_nothing_else(
    make_score_model: Callable[..., ScoreModel], batch: Batch
) -> None:
    model = make_score_model()
    x, t, labels = batch
    with torch.no_grad():
        score, gradient, p = model.with_class_gradient(labels)(x, t)
        other_score, other_gradient, other_p = model.with_class_gradient((labels + 1) % 3)(x, t)
    assert torch.equal(score, other_score)
    assert p is not None
    assert other_p is not None
    assert (p != other_p).all()
    assert all(not torch.equal(a, b) for a, b in zip(gradient, other_gradient, strict=True))
