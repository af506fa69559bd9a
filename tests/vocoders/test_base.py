"""What all vocoders share."""

import numpy as np
import pytest
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel
from scoresubnet.vocoders import GriffinLim, resynthesise


def harmonics(pitch: float, level: float = 0.1) -> NDArray[np.float32]:
    """One second of a tone with 20 partials that fades in and out, (1, 16000)."""
    time = np.arange(16_000) / 16_000
    partials = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 21))
    return (level * np.sin(np.pi * time) ** 2 * partials)[None].astype(np.float32)


@pytest.mark.parametrize("samples", [1, 640, 641, 16_000, 16_001, 40_000])
def test_resynthesis_keeps_every_sample(samples):
    tone = np.tile(harmonics(220), 3)[0, :samples]
    restored = resynthesise(tone, GriffinLim(iterations=1))
    assert restored.shape == (samples,)
    assert restored.dtype == np.float32


def test_resynthesis_reaches_the_end():
    time = np.arange(20_000) / 16_000
    tone = np.float32(0.3) * np.sin(2 * np.pi * 440 * time).astype(np.float32)
    restored = resynthesise(tone, GriffinLim())
    last = slice(-512, None)
    assert np.square(restored[last]).mean() == pytest.approx(np.square(tone[last]).mean(), rel=0.5)


def test_resynthesis_of_a_clip_is_that_of_its_features():
    tone = harmonics(330)
    np.testing.assert_array_equal(
        resynthesise(tone[0], GriffinLim()), GriffinLim()(LogMel()(tone))[0]
    )


@pytest.mark.parametrize("shape", [(0,), (1, 16_000)])
def test_resynthesis_takes_one_signal(shape):
    with pytest.raises(ValueError, match=r"\(N >= 1,\)"):
        resynthesise(np.zeros(shape, np.float32), GriffinLim())
