"""The update that is made for many rounds is that of `fit_mel_bands`."""

from typing import Any

import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.inversion import fit_mel_bands
from scoresubnet.vocoders.low_band import low_band
from scoresubnet.vocoders.repeated_fit import RepeatedFit


@pytest.mark.parametrize(
    ("numbers", "factor"),
    [
        ({}, 1),
        ({}, 4),
        ({"power": 2.0}, 1),
        ({"n_mels": 40}, 2),
        ({"f_min": 2500.0}, 1),
        ({"f_max": 1500.0}, 1),
    ],
)
def test_it_is_one_update_each_time(numbers: dict[str, Any], factor: int) -> None:
    front_end = LogMel(MelSettings(**numbers))
    front_end = low_band(front_end, factor) if factor > 1 else front_end
    bands, bins = front_end.filters.shape
    generator = torch.Generator().manual_seed(0)
    mel = torch.rand(2, bands, 7, generator=generator)
    fitted = RepeatedFit(mel, front_end)
    for _ in range(2):
        magnitude = torch.rand(2, bins, 7, generator=generator)
        expected = fit_mel_bands(magnitude, mel, front_end, 1)
        torch.testing.assert_close(
            fitted(magnitude.mT.contiguous()).mT, expected, rtol=1e-4, atol=1e-5
        )
