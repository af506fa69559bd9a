import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from scoresubnet.backbone import Features, FrozenClassifier
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.presets import PRESETS

Batch = tuple[Tensor, Tensor, Tensor]


@pytest.fixture
def classifier(fill: Callable[..., Any], tiny: ClassifierConfig) -> Classifier:
    return fill(Classifier(tiny, 3))


@pytest.fixture
def backbone(classifier: Classifier) -> FrozenClassifier:
    return FrozenClassifier(classifier)


def rest_of(classifier: Classifier, k: int, h: Tensor, t: Tensor) -> Tensor:
    """Logits from tap k onwards: the classifier's own layers, put together anew."""
    embedding = classifier.time(t)
    for stage in [*classifier.stages, classifier.bottleneck][k:]:
        h = stage(h, embedding)
    return classifier.head(h.flatten(1))


def tensors(features: Features) -> list[Tensor]:
    assert features.gradient is not None
    assert features.class_gradient is not None
    return [
        features.logits,
        *features.forward,
        *features.gradient,
        features.class_gradient,
    ]


def test_forward_taps_are_the_activations(backbone: FrozenClassifier, batch: Batch) -> None:
    x, t, _ = batch
    features = backbone.features(x, t, gradient_taps=False)
    assert torch.equal(features.logits, backbone(x, t))
    assert torch.equal(features.forward[0], backbone.classifier.input(x))
    for k, h in enumerate(features.forward):
        torch.testing.assert_close(rest_of(backbone.classifier, k, h, t), features.logits)


def test_gradient_taps_equal_finite_differences(backbone: FrozenClassifier, batch: Batch) -> None:
    """g^(k) . d against central differences of logsumexp(logits), in float64, along random d."""
    x, t, _ = batch
    features = backbone.features(x, t, gradient_taps=True)
    double = copy.deepcopy(backbone.classifier).double()
    generator = torch.Generator().manual_seed(4)
    assert features.gradient is not None
    assert len(features.gradient) == len(features.forward) == 4
    for k, (h, g) in enumerate(zip(features.forward, features.gradient, strict=True)):
        for _ in range(3):
            d = torch.randn(h.shape, generator=generator, dtype=torch.float64)
            above, below = (
                rest_of(double, k, h.double() + step * d, t.double()).logsumexp(1)
                for step in (1e-6, -1e-6)
            )
            slope = (g.double() * d).flatten(1).sum(1)
            torch.testing.assert_close(slope, (above - below) / 2e-6, rtol=1e-3, atol=1e-4)


def test_gradient_taps_equal_another_backward_pass(
    backbone: FrozenClassifier, batch: Batch
) -> None:
    """The gradient of each tap, one at a time, with only the layers behind it."""
    x, t, _ = batch
    features = backbone.features(x, t, gradient_taps=True)
    assert features.gradient is not None
    for k, (h, g) in enumerate(zip(features.forward, features.gradient, strict=True)):
        leaf = h.clone().requires_grad_()
        log_p_x = torch.log(rest_of(backbone.classifier, k, leaf, t).exp().sum(1))
        log_p_x.sum().backward()
        torch.testing.assert_close(g, leaf.grad, rtol=1e-4, atol=1e-6)


def test_class_gradient_equals_finite_differences(backbone: FrozenClassifier, batch: Batch) -> None:
    x, t, labels = batch
    gradient = backbone.features(x, t, gradient_taps=True, labels=labels).class_gradient
    assert gradient is not None
    double = copy.deepcopy(backbone.classifier).double()
    d = torch.randn(x.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)

    def log_p(step: float) -> Tensor:
        p = double(x.double() + step * d, t.double()).softmax(1)
        return p[torch.arange(3), labels].log()

    slope = (log_p(1e-6) - log_p(-1e-6)) / 2e-6
    torch.testing.assert_close(
        (gradient.double() * d).flatten(1).sum(1), slope, rtol=1e-3, atol=1e-4
    )


def plain_features(
    backbone: FrozenClassifier, x: Tensor, t: Tensor, labels: Tensor, every_block: bool = False
) -> list[Tensor]:
    """The definition: logsumexp and log p(y | x) differentiated, each by a graph of its own."""
    found: list[Tensor] = []
    for of_labels in (False, True):
        leaf = x.clone().requires_grad_()
        logits, taps = backbone.classifier.features(leaf, t, every_block)
        if of_labels:
            log_p = (logits - logits.logsumexp(1, keepdim=True))[torch.arange(len(x)), labels]
            found += torch.autograd.grad(log_p.sum(), leaf)
        else:
            found += [logits.detach(), *(h.detach() for h in taps)]
            found += torch.autograd.grad(logits.logsumexp(1).sum(), taps)
    return found


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("size", "every_block"), [(1, False), (2, False), (2, True)])
def test_the_fast_step_equals_the_plain_one(
    size: int,
    every_block: bool,
    preset: str,
    channels_last: bool,
    fill: Callable[..., Any],
    batch: Batch,
) -> None:
    """To 1e-5 of the largest value of each tensor."""
    chosen = PRESETS[preset]
    backbone = FrozenClassifier(fill(Classifier(chosen.classifier, chosen.classes)))
    if channels_last:
        backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x, t, labels = (part[:size] for part in batch)
    expected = plain_features(backbone, x, t, labels, every_block)
    found = tensors(backbone.features(x, t, True, labels, every_block=every_block))
    shapes = chosen.classifier.block_shapes if every_block else chosen.classifier.tap_shapes
    assert len(found) == 2 * len(shapes) + 2
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * b.abs().max().item())


def test_label_taps_are_gradients_of_the_label_or_of_all_words(
    backbone: FrozenClassifier, batch: Batch
) -> None:
    """Of log p(y | X_t) by a graph of its own; where the label is -1, of log p(X_t)."""
    x, t, labels = batch
    some = labels.clone()
    some[1] = -1
    leaf = x.clone().requires_grad_()
    logits, taps = backbone.classifier.features(leaf, t)
    log_p = (logits - logits.logsumexp(1, keepdim=True))[torch.arange(3), labels]
    of = torch.where(some < 0, logits.logsumexp(1), log_p)
    expected = torch.autograd.grad(of.sum(), [*taps, leaf])
    features = backbone.features(x, t, True, some, label_taps=True)
    assert features.gradient is not None
    assert features.class_gradient is not None
    for a, b in zip([*features.gradient, features.class_gradient], expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    none = backbone.features(x, t, True, label_taps=True)
    plain = backbone.features(x, t, True)
    assert none.class_gradient is None
    assert none.gradient is not None
    assert plain.gradient is not None
    assert all(torch.equal(a, b) for a, b in zip(none.gradient, plain.gradient, strict=True))


def test_only_what_is_asked_for_is_computed(backbone: FrozenClassifier, batch: Batch) -> None:
    x, t, labels = batch
    everything = backbone.features(x, t, gradient_taps=True, labels=labels)
    for taps in (False, True):
        for y in (None, labels):
            part = backbone.features(x, t, taps, y)
            assert (part.gradient is None) == (not taps)
            assert (part.class_gradient is None) == (y is None)
            assert torch.equal(part.logits, everything.logits)
            for ours, whole in zip(part, everything, strict=True):
                if ours is not None:  # to rounding: one or two functions go back side by side
                    torch.testing.assert_close(ours, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("taps", [False, True])
@pytest.mark.parametrize("guided", [False, True])
def test_autograd_builds_no_graph(
    taps: bool, guided: bool, backbone: FrozenClassifier, batch: Batch
) -> None:
    x, t, labels = batch
    seen: list[bool] = []
    backbone.classifier.head.register_forward_hook(
        lambda module, args, out: seen.append(out.requires_grad)
    )
    backbone.features(x.clone().requires_grad_(), t, taps, labels if guided else None)
    assert seen == [False]


class BackwardConvolutions(TorchDispatchMode):
    """Counts them, and keeps their batch sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is torch.ops.aten.convolution_backward.default:
            self.batches.append(len(args[0]))
        return function(*args, **(kwargs or {}))


def test_all_gradients_go_one_way_back(backbone: FrozenClassifier, batch: Batch) -> None:
    """Side by side in the batch; below the first tap there is the class gradient alone."""
    x, t, labels = batch
    passes = []
    for taps, y in ((False, None), (True, None), (False, labels), (True, labels)):
        with BackwardConvolutions() as counted:
            backbone.features(x, t, taps, y)
        passes.append(counted.batches)
    layers = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    above = len(layers) - 1
    assert passes == [[], [3] * above, [3] * (above + 1), [6] * above + [3]]


def test_an_item_does_not_depend_on_its_batch_mates(
    backbone: FrozenClassifier, batch: Batch
) -> None:
    """Sum, not mean, before the backward pass, and nothing that mixes the items."""
    x, t, labels = batch
    together = tensors(backbone.features(x, t, True, labels))
    louder = torch.cat([x[:1], 50 * x[1:]])
    disturbed = tensors(backbone.features(louder, t, True, labels))
    alone = tensors(backbone.features(x[:1], t[:1], True, labels[:1]))
    for a, b, c in zip(alone, together, disturbed, strict=True):
        torch.testing.assert_close(a[0], b[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(a[0], c[0], rtol=1e-5, atol=1e-5)


def test_never_leaves_eval(fill: Callable[..., Any], batch: Batch) -> None:
    """With dropout, a classifier in training mode would give another answer each time."""
    config = ClassifierConfig((8, 16), (1, 1), 1, patch=4, time_dim=16, dropout=0.5)
    backbone = FrozenClassifier(fill(Classifier(config, 3)))
    parent = nn.Sequential(nn.Dropout(), backbone)
    x, t, _ = batch
    before = backbone.features(x, t, gradient_taps=True)
    assert parent.train() is parent
    assert parent.training
    assert not any(module.training for module in backbone.modules())
    assert backbone.train() is backbone
    assert not any(module.training for module in backbone.modules())
    after = backbone.features(x, t, gradient_taps=True)
    assert torch.equal(before.logits, after.logits)
    assert before.gradient is not None
    assert after.gradient is not None
    assert torch.equal(before.gradient[-1], after.gradient[-1])


def test_no_gradient_ever_reaches_the_parameters(backbone: FrozenClassifier, batch: Batch) -> None:
    x, t, labels = batch
    assert not any(p.requires_grad for p in backbone.parameters())
    before = copy.deepcopy(backbone.state_dict())
    source = x.clone().requires_grad_()
    features = backbone.features(source, t, True, labels)
    assert not any(tensor.requires_grad for tensor in tensors(features))
    weight = torch.ones((), requires_grad=True)
    torch.stack([(weight * tensor).sum() for tensor in tensors(features)]).sum().backward()
    assert source.grad is None
    assert all(p.grad is None for p in backbone.parameters())
    assert all(torch.equal(v, before[k]) for k, v in backbone.state_dict().items())


@pytest.mark.parametrize("gradient_taps", [True, False])
def test_works_without_grad_and_restores_the_mode(
    gradient_taps: bool, backbone: FrozenClassifier, batch: Batch
) -> None:
    x, t, labels = batch
    expected = backbone.features(x, t, gradient_taps, labels)
    with torch.no_grad():
        found = backbone.features(x, t, gradient_taps, labels)
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert not x.requires_grad
    assert found.class_gradient is not None
    assert expected.class_gradient is not None
    assert torch.equal(found.class_gradient, expected.class_gradient)
    for a, b in zip(found.gradient or (), expected.gradient or (), strict=True):
        assert torch.equal(a, b)


def test_bfloat16_under_autocast_on_a_cpu(backbone: FrozenClassifier, batch: Batch) -> None:
    """What it gives points where that of float32 does; the caller's autocast stays as it is."""
    x, t, labels = batch
    x = x.contiguous(memory_format=torch.channels_last)
    expected = tensors(backbone.features(x, t, True, labels))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = tensors(backbone.features(x, t, True, labels))
        assert torch.is_autocast_enabled("cpu")
        plain = backbone.features(x, t, gradient_taps=False)
    for a, b in zip(found[1:], expected[1:], strict=True):
        assert a.dtype == torch.bfloat16
        assert torch.cosine_similarity(a.float().flatten(1), b.flatten(1)).min() > 0.999
    for a, b in zip(plain.forward, found[1:], strict=False):
        assert torch.cosine_similarity(a.float().flatten(1), b.float().flatten(1)).min() > 0.999
