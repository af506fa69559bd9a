"""`scoresubnet train classifier|score`: a config in, a run folder out."""

from __future__ import annotations

from jsonargparse import Namespace

from scoresubnet.training.config import ClassifierTraining, ScoreTraining
from scoresubnet.training.run import train_classifier, train_score


def run(values: Namespace) -> None:
    """Train, or go on training.

    Raises:
        ValueError: the data, the config or the classifier cannot be used.
    """
    chosen = values[values.kind]
    out = chosen.pop("out")
    classifier = chosen.pop("classifier", None)
    chosen.pop("config", None)
    fields = vars(chosen)
    if values.kind == "classifier":
        train_classifier(ClassifierTraining(**fields), out)
    else:
        train_score(ScoreTraining(**fields), classifier, out)
    print(f"{out}/model.safetensors")
