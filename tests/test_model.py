from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.guidance import guided
from scoresubnet.losses import dsm_loss
from scoresubnet.model import ScoreModel, UNetModel
from scoresubnet.networks.adjoint import record
from scoresubnet.networks.unet import UNet
from scoresubnet.schedules import constant_guidance
from scoresubnet.score import PARAMETRISATIONS
from scoresubnet.sde import VPSDE
from tests.autograd import separately

Batch = tuple[Tensor, Tensor, Tensor]
Make = Callable[..., ScoreModel]


def test_score_of_an_epsilon_model(make_score_model: Make, batch: Batch) -> None:
    model, (x, t, _) = make_score_model("epsilon"), batch
    with torch.no_grad():
        expected = -model(x, t) / model.sde.sigma(t).reshape(3, 1, 1, 1)
        torch.testing.assert_close(model.score(x, t), expected)


def test_score_of_a_v_model(make_score_model: Make, batch: Batch) -> None:
    """eps = sigma X_t + alpha v."""
    model, (x, t, _) = make_score_model("v"), batch
    alpha, sigma = (f(t).reshape(3, 1, 1, 1) for f in (model.sde.alpha, model.sde.sigma))
    with torch.no_grad():
        expected = -x - alpha / sigma * model(x, t)
        torch.testing.assert_close(model.score(x, t), expected)


@pytest.mark.parametrize("name", PARAMETRISATIONS)
@pytest.mark.parametrize("gradient_taps", [True, False])
def test_an_item_does_not_depend_on_its_batch_mates(
    name: str, gradient_taps: bool, make_score_model: Make, batch: Batch
) -> None:
    model, (x, t, _) = make_score_model(name, gradient_taps=gradient_taps), batch
    with torch.no_grad():
        together = model.score(x, t)
        for k in range(3):
            alone = model.score(x[k : k + 1], t[k : k + 1])
            torch.testing.assert_close(alone[0], together[k], rtol=1e-4, atol=1e-5)


def test_gradient_taps_are_read(make_score_model: Make, batch: Batch) -> None:
    """The same subnet with gradient taps of zeros gives something else."""
    model, (x, t, _) = make_score_model(), batch
    with torch.no_grad():
        features = model.backbone.features(x, t, gradient_taps=True)
        assert features.gradient is not None
        without = model.subnet(features.forward, [g * 0 for g in features.gradient], t)
        assert (without - model(x, t)).abs().max() > 1e-3


@pytest.mark.parametrize("fields", [{"every_block": True}, {"forward_taps": False}])
def test_subnets_of_other_taps_are_scored_and_guided(
    fields: dict[str, bool], make_score_model: Make, batch: Batch
) -> None:
    """The tiny classifier has one block a stage, so that taps of every block are the same."""
    model, (x, t, labels) = make_score_model("v", **fields), batch
    plain = make_score_model("v")
    plain.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        score, gradient, _ = model.with_class_gradient(labels)(x, t)
        torch.testing.assert_close(score, model.score(x, t), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(gradient, plain.with_class_gradient(labels)(x, t).gradient)
        same = torch.allclose(score, plain.score(x, t), rtol=1e-4, atol=1e-4)
    assert same == ("every_block" in fields)


def test_labels_reach_the_score_through_label_taps_alone(
    make_score_model: Make, batch: Batch
) -> None:
    x, t, labels = batch
    others, none = (labels + 1) % 3, torch.full_like(labels, -1)
    with torch.no_grad():
        plain = make_score_model()
        assert torch.equal(plain.score(x, t, labels), plain.score(x, t))
        model = make_score_model(label_taps=True)
        model.load_state_dict(plain.state_dict())
        assert torch.equal(model.score(x, t), plain.score(x, t))
        torch.testing.assert_close(model.score(x, t, none), model.score(x, t))
        found = [model.score(x, t, y) for y in (labels, others, none)]
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert ((found[one] - found[other]).abs().amax((1, 2, 3)) > 1e-4).all()
        mixed = model.score(x, t, torch.tensor([labels[0], -1, others[2]]))
        expected = torch.stack([found[0][0], found[2][1], found[1][2]])
        torch.testing.assert_close(mixed, expected, rtol=1e-4, atol=1e-5)
        shared = model.with_class_gradient(labels)(x, t)
        torch.testing.assert_close(shared.score, found[0], rtol=1e-4, atol=1e-5)
        gradient = plain.with_class_gradient(labels)(x, t).gradient
    torch.testing.assert_close(shared.gradient, gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gradient_taps", [True, False])
def test_training_reaches_every_parameter_of_the_subnet_and_none_of_the_backbone(
    gradient_taps: bool, make_score_model: Make, batch: Batch
) -> None:
    model, (x, t, _) = make_score_model(gradient_taps=gradient_taps).train(), batch
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(9))
    dsm_loss(model, x, noise, t, model.sde, "epsilon").mean().backward()
    unreached = [
        name
        for name, p in model.subnet.named_parameters()
        if p.grad is None or not p.grad.abs().max() > 0
    ]
    assert not unreached
    assert all(p.grad is None for p in model.backbone.parameters())
    assert not any(module.training for module in model.backbone.modules())


def test_without_gradient_taps_there_is_no_way_back(
    make_score_model: Make, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half the cost of a step: a model without gradient taps and guidance never differentiates."""
    model, (x, t, labels) = make_score_model(gradient_taps=False), batch
    calls: list[int] = []

    def counted(*args: Any) -> object:
        calls.append(1)
        return record(*args)

    monkeypatch.setattr("scoresubnet.backbone.record", counted)
    with torch.no_grad():
        model.score(x, t)
        assert not calls
        model.with_class_gradient(labels)(x, t)
        assert len(calls) == 1
        make_score_model().with_class_gradient(labels)(x, t)
        assert len(calls) == 2


def test_the_shared_pass_gives_the_probability_of_the_labels(
    make_score_model: Make, batch: Batch
) -> None:
    model, (x, t, labels) = make_score_model(), batch
    with torch.no_grad():
        found = model.with_class_gradient(labels)(x, t).probability
        expected = model.backbone(x, t).softmax(1)
    torch.testing.assert_close(found, torch.stack([expected[k, labels[k]] for k in range(3)]))


@pytest.mark.parametrize("told", [False, True])
def test_a_u_net_is_guided_by_the_classifier_beside_it(
    told: bool,
    make_unet: Callable[..., UNet],
    make_score_model: Make,
    batch: Batch,
) -> None:
    """Against autograd through the classifier."""
    x, t, labels = batch
    classifier = make_score_model().backbone
    model = UNetModel(make_unet(label_conditioned=told), VPSDE(), "v", classifier)
    with torch.no_grad():
        found = model.with_class_gradient(labels)(x, t)
        expected = separately(lambda x, t: model.score(x, t, labels), classifier, labels)(x, t)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
        moved = (model.score(x, t, labels) - model.score(x, t)).abs().max()
    assert (moved > 1e-3) == told == model.is_label_conditioned


def test_a_u_net_guides_itself_without_a_classifier(
    make_unet: Callable[..., UNet], batch: Batch
) -> None:
    """Ho & Salimans 2022, eq. 6: (1 + w) s(x, y) - w s(x)."""
    x, t, labels = batch
    model = UNetModel(make_unet(label_conditioned=True), VPSDE(), "epsilon")
    labels = torch.where(t > 0.5, -1, labels)
    with torch.no_grad():
        score_fn = guided(model.with_class_gradient(labels), constant_guidance(2.0))
        told, free = model.score(x, t, labels), model.score(x, t)
        torch.testing.assert_close(score_fn(x, t), 3 * told - 2 * free, rtol=1e-3, atol=1e-4)
    assert ((told - free).abs().amax((1, 2, 3)) > 1e-3).tolist() == (labels >= 0).tolist()


def test_a_u_net_is_told_its_own_index_of_a_label_of_the_classifier(
    make_unet: Callable[..., UNet], make_score_model: Make, batch: Batch
) -> None:
    """The second label of three is its first, the third its second; the first it never saw."""
    x, t, _ = batch
    classifier = make_score_model().backbone
    unet = make_unet(2, label_conditioned=True)
    model = UNetModel(unet, VPSDE(), "v", classifier, known=[-1, 0, 1])
    with torch.no_grad():
        for asked, own in ((0, -1), (1, 0), (2, 1), (-1, -1)):
            expected = unet(x, t, torch.full((3,), own))
            assert torch.equal(model(x, t, torch.full((3,), asked)), expected)


def test_a_u_net_alone_cannot_be_guided(make_unet: Callable[..., UNet], batch: Batch) -> None:
    model = UNetModel(make_unet(), VPSDE(), "v")
    assert not model.can_be_guided
    with pytest.raises(ValueError, match="needs a classifier"):
        model.with_class_gradient(batch[2])
