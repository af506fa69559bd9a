import warnings
from pathlib import Path

import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.pipeline import GeneratedSpeech
from scoresubnet.plots import save_clip, save_grid


@pytest.mark.parametrize("label", ["$\\frac$", "$x^$", "你好", "한국어", "क्षि", "😀", "مرحبا"])
def test_labels_are_drawn_as_text_and_without_a_warning(label: str, tmp_path: Path) -> None:
    """Dollars are no mathematics, of which these would be wrong; a font need not have all."""
    two = torch.zeros(2, 1, 80, 64), torch.zeros(2, 16_000)
    speech = GeneratedSpeech(*two, 16_000, (label,) * 2, (0, 1), (label,) * 2, torch.ones(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_clip(speech, MelSettings(), tmp_path / "clip.png")
        save_grid(speech, MelSettings(), tmp_path / "grid.png", len(speech.labels))
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")
