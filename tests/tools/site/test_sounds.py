"""Players on the pages are of words that were spoken as the page says."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scoresubnet.audio.io import read_audio
from scoresubnet.pipeline import SpeechGenerator
from tools.site.sounds import with_sounds


def test_players_of_words(tmp_path: Path) -> None:
    text = "a\n\n<!-- sounds: {words: [seven], seeds: [0, 3], guidance: [1]} -->\n\nb\n"
    page = with_sounds(text, tmp_path, "../")
    assert page.startswith('a\n\n<div class="sounds"')
    assert page.endswith("</div>\n\nb\n")
    for seed in (0, 3):
        name = f"sounds/words18-small-pitch-seven-{seed}-1"
        assert f'<img src="../{name}.png"' in page
        assert f'src="../{name}.wav" aria-label="seven seed {seed}, guidance 1"' in page
        assert Image.open(tmp_path / f"{name}.png").size == (128, 80)
        generator = SpeechGenerator.from_pretrained()
        expected = generator.generate("seven", [seed], guidance=1.0).audio[0]
        np.testing.assert_allclose(read_audio(tmp_path / f"{name}.wav"), expected, atol=0.01)


def test_an_option_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sounds: no option seed"):
        with_sounds("<!-- sounds: {words: [seven], seed: 3} -->", tmp_path)
