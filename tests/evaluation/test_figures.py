import io

import numpy as np
import pytest

from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation.figures import resynthesis_figure


def beep(level: float) -> np.ndarray:
    """A second that is loudest from 0.5 s to 0.6 s."""
    audio = np.zeros(16_000, dtype=np.float32)
    audio[8000:9600] = level * np.sin(np.arange(1600) / 5)
    return audio


@pytest.mark.parametrize(("names", "words"), [("ab", 2), ("a", 1), ("abc", 1)])
def test_words_are_rows_and_systems_columns(names, words):
    systems = {name: [beep(0.1 * (k + 1)) for k in range(words)] for name in names}
    figure = resynthesis_figure(systems, [f"word{k}" for k in range(words)], MelSettings())
    panels = figure.axes[: 2 * words * len(names)]
    assert [panel.get_title() for panel in panels[: len(names)]] == list(names)
    images = [panel for panel in panels if panel.images]
    waves = [panel for panel in panels if panel.lines]
    assert len(images) == len(waves) == words * len(names)
    assert [panel.get_ylabel() for panel in images[:: len(names)]] == [
        f"word{k}\nMel band" for k in range(words)
    ]
    figure.savefig(io.BytesIO(), format="png")


def test_excerpts_are_of_the_same_moment_at_the_same_scale():
    systems = {"original": [beep(0.2)], "made": [beep(0.5)], "shorter": [beep(0.1)[:-128]]}
    figure = resynthesis_figure(systems, ["x"], MelSettings())
    waves = [panel for panel in figure.axes if panel.lines]
    assert len({(panel.get_xlim(), panel.get_ylim()) for panel in waves}) == 1
    start, end = waves[0].get_xlim()
    assert 0.5 <= start < end <= 0.6
    assert waves[0].get_ylim()[1] == pytest.approx(0.55, abs=0.01)
    for panel, level in zip(waves, (0.2, 0.5, 0.1), strict=True):
        assert np.abs(panel.lines[0].get_ydata()).max() == pytest.approx(level, rel=0.01)
