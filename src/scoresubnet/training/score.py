"""Training of the Score Subnet on a frozen classifier."""

from __future__ import annotations

import logging
import os

from scoresubnet.model_about import FILE_NAME, find_weights
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.training.config import ScoreTraining
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.denoising import DenoisingModule
from scoresubnet.training.folder import claimed
from scoresubnet.training.launch import on_all_devices
from scoresubnet.training.loop import fit
from scoresubnet.training.start import content_of, copy_network, refuse_others, shape_of
from scoresubnet.training.steps import seeded
from scoresubnet.weight_files.tensor_files import state_hash
from scoresubnet.weights import ModelFile, load_model, save_model

_log = logging.getLogger(__name__)


@on_all_devices
def train_score(
    config: ScoreTraining,
    classifier: str | os.PathLike[str],
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] | None = None,
) -> ModelFile:
    """Train a Score Subnet on a frozen classifier, or go on where the run in `out` stopped.

    Args:
        config: the run.
        classifier: folder or file of the trained classifier.
        out: folder of the run, with the same contents as for `train_classifier`.
        start: name, folder or file of weights whose Score Subnet to start from (fine-tuning);
            that it was trained on another classifier is said in a warning.

    Raises:
        ValueError: the data cannot be used, `out` holds a run of another config, the words differ
            from the classifier's, or `start` has another kind of subnet, noise
            process, features or shape of classifier.
        WeightsError: the classifier or `start` cannot be loaded.
    """
    model = load_model(classifier)
    backbone = model.backbone()
    origin = [content_of(source, find_weights) for source in (classifier, start)]
    with claimed(out, config, classifier=origin[0], start=origin[1]) as (check, complete):
        with seeded(config.run.seed):
            model.subnet = ScoreSubnet(config.subnet, backbone.classifier.config)
        model.parametrisation = config.parametrisation
        model.sampling = None  # of whatever subnet was there before
        if start is not None:
            _start(load_model(start), model)
        data = SpeechData(config.data, config.run.seed, model.mel, check)
        if unknown := set(data.words) - set(model.labels):
            raise ValueError(
                f"the classifier does not know {', '.join(sorted(unknown))}; its labels are "
                f"{', '.join(model.labels)}"
            )
        indices = [model.labels.index(word) for word in data.words]
        module = DenoisingModule(config, model.score_model(), data.mel, indices)
        complete(data)
        fit(module, data, config, out, lambda folder: save_model(model, folder / FILE_NAME))
    return model


def _start(source: ModelFile, model: ModelFile) -> None:
    """Start the Score Subnet of `model` from that of `source`.

    Raises:
        ValueError: the two do not fit each other.
    """
    if source.subnet is None or model.subnet is None:
        raise ValueError("cannot start from a classifier alone; name weights with a Score Subnet")
    refuse_others(*map(_ground, (source, model)))
    copy_network(source.subnet, model.subnet, deeper=True)
    states = [state_hash(m.backbone().state_dict()) for m in (source, model)]
    if states[0] != states[1]:
        _log.warning(
            "the Score Subnet to start from was trained on another classifier: its loss begins "
            "high, and falls fast where this classifier was made from that one"
        )


def _ground(model: ModelFile) -> dict[str, object]:
    """What a Score Subnet stands on, by what messages call it."""
    return {
        "parametrisation": model.parametrisation,
        "noise process": model.sde,
        "features": model.mel,
        "classifier's shape": shape_of(model.backbone().classifier.config),
    }
