"""An adaptation of a tiny model in a few steps."""

from pathlib import Path
from typing import Any

from scoresubnet.adaptation.run import Adapted, adapt
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.adaptation.takes import TakesRecipe
from scoresubnet.weight_files.tensor_files import state_hash
from scoresubnet.weights import load_model

RECIPE = ScoreRecipe(
    looks=2,
    most_steps=6,
    least_steps=1,
    again_steps=3,
    batch_size=4,
    takes=TakesRecipe(count=2, accept=0.0),
)


def adapted(recordings: Path, weights: Path, out: Path, **given: Any) -> Adapted:
    """Without graphs and by `RECIPE`, if nothing else is given."""
    given = dict[str, Any](graphs=False, recipe=RECIPE) | given
    return adapt(recordings, weights, out, progress=False, **given)


def state(path: Path) -> str:
    """Changes with any tensor of the classifier or the Score Subnet."""
    model = load_model(path)
    assert model.subnet is not None
    return state_hash(model.backbone().state_dict()) + state_hash(model.subnet.state_dict())
