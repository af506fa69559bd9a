"""How many steps are made, by the number of recordings and by the time."""

from pathlib import Path

import pytest

from scoresubnet.adaptation.plan import FEWEST_STEPS, Plan, kept_plan
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.adaptation.takes import TakesRecipe


def test_more_recordings_are_learned_from_for_longer() -> None:
    """Each is looked at 512 times in batches of 32, within bounds."""
    recipe = ScoreRecipe(looks=512, batch_size=32, most_steps=800, least_steps=200, again_steps=400)
    plans = [recipe.plan(count, words=2) for count in (10, 25, 40, 100)]
    assert plans == [Plan(first, 400) for first in (200, 400, 640, 800)]


def test_takes_need_a_judge_who_can_choose() -> None:
    assert ScoreRecipe(again_steps=400).plan(25, words=1).again == 0
    assert ScoreRecipe(again_steps=400, takes=TakesRecipe(count=0)).plan(25, words=2).again == 0


@pytest.mark.parametrize(
    ("seconds", "plan"),
    [
        (1e9, Plan(800, 400)),
        (1300.0, Plan(800, 400)),  # takes cost a hundred steps
        (700.0, Plan(400, 200)),  # half of all
        (580.0, Plan(320, 160)),  # as few as it is worth to make takes for
        (579.0, Plan(579, 0)),
        (100.0, Plan(100, 0)),
        (0.5, Plan(FEWEST_STEPS, 0)),
        (-9.0, Plan(FEWEST_STEPS, 0)),
    ],
)
def test_a_plan_fits_the_time(seconds: float, plan: Plan) -> None:
    assert Plan(800, 400).fitting(2 * seconds, pace=2.0, cost=100) == plan


def test_without_takes_all_time_is_for_the_recordings() -> None:
    assert Plan(800, 0).fitting(500.0, 1.0, cost=100) == Plan(500, 0)
    assert Plan(10, 0).fitting(5.0, 1.0, cost=0) == Plan(10, 0)  # fewer than the fewest


def test_a_plan_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert kept_plan(path, lambda: Plan(3, 2)) == Plan(3, 2)
    assert kept_plan(path, lambda: pytest.fail("again")) == Plan(3, 2)
