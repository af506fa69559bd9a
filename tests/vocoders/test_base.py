"""What all vocoders share."""

import pytest
import torch

from scoresubnet.audio.mel import LogMel
from scoresubnet.vocoders import GriffinLim, resynthesise


def harmonics(pitch: float, level: float = 0.1) -> torch.Tensor:
    """One second of a tone with 20 partials that fades in and out, (1, 16000)."""
    time = torch.arange(16_000) / 16_000
    partials = torch.stack([torch.sin(2 * torch.pi * pitch * k * time) / k for k in range(1, 21)])
    return (level * torch.sin(torch.pi * time) ** 2 * partials.sum(0))[None]


@pytest.mark.parametrize("samples", [1, 640, 641, 16_000, 16_001, 40_000])
def test_resynthesis_keeps_every_sample(samples):
    tone = harmonics(220).repeat(1, 3)[0, :samples]
    restored = resynthesise(tone, GriffinLim(iterations=1))
    assert restored.shape == (samples,)
    assert restored.dtype == torch.float32


def test_resynthesis_reaches_the_end():
    time = torch.arange(20_000) / 16_000
    tone = 0.3 * torch.sin(2 * torch.pi * 440 * time)
    restored = resynthesise(tone, GriffinLim())
    last = slice(-512, None)
    assert restored[last].square().mean() == pytest.approx(tone[last].square().mean(), rel=0.5)


def test_resynthesis_of_a_clip_is_that_of_its_features():
    tone = harmonics(330)
    assert torch.equal(resynthesise(tone[0], GriffinLim()), GriffinLim()(LogMel()(tone))[0])


@pytest.mark.parametrize("shape", [(0,), (1, 16_000)])
def test_resynthesis_takes_one_signal(shape):
    with pytest.raises(ValueError, match=r"\(N >= 1,\)"):
        resynthesise(torch.zeros(shape), GriffinLim())
