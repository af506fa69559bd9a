"""What runs on a GPU gives what the CPU gives; skipped where there is none."""

import pytest
import torch

from scoresubnet.weights import load_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


def test_score_and_guidance_are_those_of_the_cpu() -> None:
    """Convolutions may round their factors to TF32 there, to three digits."""
    g = torch.Generator().manual_seed(0)
    x, t = torch.randn(4, 1, 80, 64, generator=g), torch.tensor([0.05, 0.2, 0.5, 0.9])
    labels = torch.arange(4)
    model = load_model("words18-small").score_model().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad():
        expected = model.with_class_gradient(labels)(x, t)
        model.to("cuda")
        found = model.with_class_gradient(labels.cuda())(x.cuda(), t.cuda())
    for there, here in zip(found, expected, strict=True):
        assert (there.cpu() - here).norm() < 5e-3 * here.norm()
