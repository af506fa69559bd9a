"""`scoresubnet train classifier|score`: a config in, a run folder out."""

from __future__ import annotations

from jsonargparse import Namespace

from scoresubnet.training.config import ClassifierTraining, ScoreTraining
from scoresubnet.training.run import train_classifier, train_score
from scoresubnet.weights import FILE_NAME


def run(values: Namespace) -> None:
    """Train, or go on training; a score run is one that names its classifier.

    Raises:
        ValueError: the data, the config or the classifier cannot be used.
    """
    fields = dict(vars(values))
    out, classifier = fields.pop("out"), fields.pop("classifier", None)
    fields.pop("config")
    start = fields.pop("start", None)
    if classifier is None:
        train_classifier(ClassifierTraining(**fields), out, start)
    else:
        train_score(ScoreTraining(**fields), classifier, out, start)
    print(f"{out}/{FILE_NAME}")
