import numpy as np
import pytest

from scoresubnet.evaluation.judges.waveforms import MOST_MISSING, aligned, as_clip


def test_a_pair_is_cut_to_the_shorter():
    long, short = np.arange(3000.0), np.arange(3000.0 - MOST_MISSING)
    for pair in ((long, short), (short, long)):
        a, b = aligned(*pair)
        np.testing.assert_array_equal(a, short)
        np.testing.assert_array_equal(b, short)
        assert a.dtype == b.dtype == np.float32
    assert len(long) == 3000
    with pytest.raises(ValueError, match=r"3000 samples .* 1975"):
        aligned(long, short[:-1])


@pytest.mark.parametrize(
    "audio", [np.zeros((2, 100)), np.zeros(0), np.array([0.1, np.nan]), np.array([np.inf])]
)
def test_unusable_audio_is_refused(audio):
    with pytest.raises(ValueError, match="finite samples"):
        as_clip(audio)
    with pytest.raises(ValueError, match="finite samples"):
        aligned(np.zeros(2), audio)
