"""What evaluation and experiments draw with matplotlib."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from scoresubnet.audio.mel import MelSettings
from scoresubnet.plots import draw_mel, save_figure


@pytest.mark.parametrize("label", ["你好", "한국어", "क्षि", "😀", "مرحبا"])
def test_letters_that_the_font_lacks_warn_of_nothing(label: str, tmp_path: Path) -> None:
    figure = Figure(figsize=(2, 1))
    figure.suptitle(label)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_log_mel_has_its_low_frequencies_at_the_bottom_and_seconds_below() -> None:
    image = draw_mel(Figure().subplots(), torch.zeros(1, 80, 64), MelSettings())
    assert image.origin == "lower"
    assert np.allclose(image.get_extent(), (0, 1.024, 0, 80))
