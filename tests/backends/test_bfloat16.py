"""torch-bf16: the networks compute in bfloat16, and nothing else does."""

from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet import SpeechGenerator
from scoresubnet.model import DiffusionModel


@pytest.fixture(scope="module")
def generators() -> dict[str, SpeechGenerator]:
    return {
        name: SpeechGenerator.from_pretrained("words18-small", "griffin-lim", backend=name)
        for name in ("torch", "torch-bf16")
    }


def asked(generator: SpeechGenerator) -> list[torch.Tensor]:
    """Score, guided score's parts, and logits of the same noisy log-Mels."""
    model: Any = generator.model
    x = torch.randn(2, 1, 80, 64, generator=torch.Generator().manual_seed(3))
    t, labels = torch.tensor([0.2, 0.7]), torch.tensor([4, 11])
    with model.undisturbed():
        return [model.score(x, t), *model.with_class_gradient(labels)(x, t), model.logits(x, t)]


def test_what_it_gives_is_float32_and_points_where_that_of_torch_does(
    generators: dict[str, SpeechGenerator],
) -> None:
    exact, low = asked(generators["torch"]), asked(generators["torch-bf16"])
    for a, b in zip(exact, low, strict=True):
        assert b.dtype == torch.float32
        assert not torch.equal(a, b)
        rows = (len(a), -1)
        assert torch.cosine_similarity(a.reshape(rows), b.reshape(rows)).min() > 0.998


def test_a_word_is_near_that_of_torch(generators: dict[str, SpeechGenerator]) -> None:
    words = ["seven", "down"]
    made = {k: g.generate(words, [21, 22], "fast") for k, g in generators.items()}
    assert made["torch-bf16"].heard == made["torch"].heard == tuple(words)
    assert made["torch-bf16"].mels.dtype == np.float32
    apart = np.abs(made["torch-bf16"].mels - made["torch"].mels).mean()
    assert 0 < apart < 0.1 < made["torch"].mels.std()
    assert not torch.is_autocast_enabled("cpu")


def test_it_has_a_name(generators: dict[str, SpeechGenerator]) -> None:
    assert generators["torch-bf16"].backend == "torch-bf16"
    model = generators["torch-bf16"].model
    assert isinstance(model, DiffusionModel)
    assert next(model.parameters()).dtype == torch.float32
