"""The low bins of a sound are the bins of the same sound at a lower rate."""

import numpy as np
import pytest
import soxr

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.low_band import low_band
from scoresubnet.vocoders.stft import RepeatedSTFT


@pytest.mark.parametrize("factor", [2, 8])
def test_it_hears_in_the_lower_rate_what_the_whole_hears(factor: int) -> None:
    whole = LogMel()
    low = low_band(whole, factor)
    assert low is not None
    bands, bins = low.filters.shape
    assert low.factor == factor
    assert bins == 512 // factor + 1
    t = np.arange(63 * 256) / 16_000
    harmonics = np.arange(1, 60)[:, None]
    sound = np.sin(2 * np.pi * (90 + 40 * t) * harmonics * t).sum(0).astype(np.float32)
    slow = soxr.resample(sound, 16_000, 16_000 // factor, "VHQ")
    expected = whole.stft(sound[None])[0]
    found = RepeatedSTFT(whole.settings, 64, factor=factor).analysis(slow[None])[0].T * factor
    inside, times = slice(2, int(0.9 * bins)), slice(3, -3)  # the filter's edge; the reflected ends
    difference = np.abs((found - expected[:bins])[inside, times]).max()
    assert difference < 0.01 * np.abs(expected[inside, times]).max()
    # The bands are those of the whole that end below half the lower rate.
    np.testing.assert_array_equal(low.filters, whole.filters[:bands, :bins])
    assert not whole.filters[:bands, bins:].any()
    assert whole.filters[bands, bins - 1 :].any()


@pytest.mark.parametrize("bands", [80, 128])
def test_bins_are_shared_as_in_the_whole_up_to_the_last_band(bands: int) -> None:
    whole = LogMel(MelSettings(n_mels=bands))
    low = low_band(whole, 8)
    assert low is not None
    top = int(low.filters[-1].argmax())
    assert low.sure == top
    np.testing.assert_allclose(
        low.shares[:, :top], whole.shares[: len(low.shares), :top], rtol=1e-6
    )
    assert (low.shares[-1, top + 1 :] == 1).all()
    assert (low.shares[:-1, top + 1 :] == 0).all()


@pytest.mark.parametrize(
    ("settings", "factor"),
    [
        (MelSettings(), 8),
        (MelSettings(hop_length=200, win_length=804, clip_seconds=0.5), 4),
        (MelSettings(hop_length=201, clip_seconds=0.5), None),
    ],
)
def test_the_factor_leaves_whole_samples(settings: MelSettings, factor: int | None) -> None:
    low = low_band(LogMel(settings), 8)
    assert (None if low is None else low.factor) == factor


def test_no_band_is_that_low() -> None:
    with pytest.raises(ValueError, match="no Mel band lies below 1000 Hz"):
        low_band(LogMel(MelSettings(f_min=2500.0)), 8)
