"""What makes training fast on a GPU: compiled steps and mixed precision."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining, ScoreTraining
from scoresubnet.training.score import train_score

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
MakeScore = Callable[..., ScoreTraining]
Tensors = Callable[[Path], dict[str, Tensor]]
Compare = Callable[[Path, Path], None]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let torch.compile trace, and run what it traced as it is; the batch size of each call."""
    sizes: list[int] = []
    real = torch.compile

    def compile(function: Callable[..., Any]) -> Callable[..., Any]:
        fast = real(function, backend="eager", fullgraph=True)

        def call(x: Tensor, t: Tensor) -> Any:
            sizes.append(len(x))
            return fast(x, t)

        return call

    monkeypatch.setattr(torch, "compile", compile)
    return sizes


def test_a_compiled_classifier_run_is_the_same_run(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    traced: list[int],
    tmp_path: Path,
) -> None:
    """Each of the four steps goes through it; a break in the graph would be an error."""
    train_classifier(classifier_run(compile=True), tmp_path)
    assert traced == [4] * 4
    assert_same(tmp_path, classifier)


def test_a_compiled_score_run_is_the_same_run(
    score_run: MakeScore,
    classifier: Path,
    subnet: Path,
    assert_same: Compare,
    traced: list[int],
    tmp_path: Path,
) -> None:
    train_score(score_run(compile=True), classifier, tmp_path)
    assert traced == [4] * 4
    assert_same(tmp_path, subnet)


@pytest.mark.parametrize("changed", [{"compile": True}, {"precision": "bf16-mixed"}])
def test_a_run_keeps_its_arithmetic(
    classifier_run: MakeClassifier, changed: dict[str, Any], tmp_path: Path
) -> None:
    train_classifier(classifier_run(steps=1), tmp_path)
    with pytest.raises(ValueError, match=f"another {next(iter(changed))}"):
        train_classifier(classifier_run(**changed), tmp_path)


def test_mixed_precision_computes_in_bfloat16_and_keeps_weights_in_float32(
    classifier_run: MakeClassifier, classifier: Path, tensors: Tensors, tmp_path: Path
) -> None:
    kinds: set[torch.dtype] = set()

    def look(layer: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(layer, nn.Conv2d):
            kinds.add(output.dtype)

    with nn.modules.module.register_module_forward_hook(look):
        train_classifier(classifier_run(precision="bf16-mixed"), tmp_path)
    assert kinds == {torch.bfloat16}
    found, expected = tensors(tmp_path), tensors(classifier)
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert any(not torch.equal(found[name], expected[name]) for name in found)
    for name in found:  # three digits, where weights are; steps of Adam may turn small ones round
        distance = (found[name] - expected[name]).norm()
        assert distance < 0.2 * expected[name].norm() + 0.05, name


def test_on_a_cpu_the_backbone_is_in_bfloat16_too_under_mixed_precision(
    score_run: MakeScore, classifier: Path, tmp_path: Path
) -> None:
    kinds: dict[str, set[torch.dtype]] = {"classifier": set(), "subnet": set()}

    def look(layer: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(layer, nn.Conv2d):
            frozen = not layer.weight.requires_grad
            kinds["classifier" if frozen else "subnet"].add(output.dtype)

    with nn.modules.module.register_module_forward_hook(look):
        train_score(score_run(steps=1, precision="bf16-mixed"), classifier, tmp_path)
    assert kinds == {"classifier": {torch.bfloat16}, "subnet": {torch.bfloat16}}
