"""An adaptation keeps to its minutes."""

from dataclasses import replace
from pathlib import Path

import pytest

from scoresubnet.adaptation import run as module
from scoresubnet.adaptation.plan import FEWEST_STEPS
from scoresubnet.adaptation.score import Lesson, Stopped
from scoresubnet.training.folder import steps_made
from tests.adaptation.adapting import RECIPE, adapted

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("few_copies")]


def test_the_steps_fit_the_time(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 s a step: no more than the fewest fit into nine minutes. Without a limit none is tried."""
    learned: list[int] = []

    def learn(lesson: Lesson, out: Path, steps: int) -> None:
        learned.append(steps)
        raise Stopped

    monkeypatch.setattr(Lesson, "learn", learn)
    recipe = replace(RECIPE, looks=20, most_steps=90, again_steps=30)
    for pace, minutes in ((60.0, 9.0), (0.01, 9.0), (None, 0.0)):
        monkeypatch.setattr(Lesson, "pace", lambda *a, pace=pace: pace)
        out = tmp_path / f"{pace}-{minutes}"
        with pytest.raises(Stopped):
            adapted(words_folder, weights, out, minutes=minutes, recipe=recipe)
    assert learned == [FEWEST_STEPS, 70, 70]
    recipe = replace(recipe, again_steps=0)
    minutes = 60 + module.GRAPH_MINUTES  # in which graphs are written
    monkeypatch.setattr(Lesson, "pace", lambda *a: 60.0)
    out = tmp_path / "graphs"
    with pytest.raises(Stopped):
        adapted(words_folder, weights, out, minutes=minutes, graphs=True, recipe=recipe)
    assert learned.pop() in (58, 59)


def test_without_time_the_fewest_steps_are_made(
    words_folder: Path, weights: Path, tmp_path: Path
) -> None:
    """And no step before, to measure them."""
    recipe = replace(RECIPE, looks=2000, most_steps=500)
    made = adapted(words_folder, weights, tmp_path / "mine", minutes=1e-9, recipe=recipe)
    assert (made.steps, made.wanted, made.takes) == (FEWEST_STEPS, 503, {})
    assert not (tmp_path / "mine/pace").exists()


def test_a_pace_is_measured_in_a_share_of_the_time(
    words_folder: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the million steps that it may take, nor is that taken for a stop."""
    monkeypatch.setattr("scoresubnet.adaptation.score.TRIED_STEPS", 1_000_000)
    monkeypatch.setattr("scoresubnet.adaptation.score.TRIED_SHARE", 1e-6)
    made = adapted(words_folder, weights, tmp_path / "mine", minutes=60.0)
    assert made.steps == 9
    assert steps_made(tmp_path / "mine/pace") < 100
