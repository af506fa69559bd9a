"""A table whose classifier is that of given weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.experiments import run as module
from scoresubnet.experiments.clock import Clock
from scoresubnet.experiments.results import collect
from scoresubnet.experiments.run import Experiment
from scoresubnet.experiments.table import read_table
from scoresubnet.experiments.table_page import page
from scoresubnet.files import file_hash
from scoresubnet.jobs.parts import Part
from scoresubnet.sde import VPSDE
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining
from scoresubnet.weight_files.tensor_files import state_hash
from scoresubnet.weights import ModelFile, load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore")
Write = Callable[..., Path]
Content = Callable[..., dict[str, Any]]


@pytest.fixture
def given(write: Write, data: Path, tmp_path: Path) -> Path:
    """A trained classifier that knows one word more than the table."""
    table = read_table(str(write(words=["click", "hum", "hiss"])))
    config = table.classifier_config(data, tmp_path / "features")
    assert isinstance(config, ClassifierTraining)
    train_classifier(config, tmp_path / "given")
    return tmp_path / "given"


def test_a_given_classifier_is_not_trained(
    content: Content,
    write: Write,
    data: Path,
    tmp_path: Path,
    given: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All models have its body, or are guided by it; no part waits, and another one is told."""
    monkeypatch.setattr(module, "train_classifier", lambda *a: pytest.fail("trained"))
    configs = {kind: name for kind, name in content()["configs"].items() if kind != "classifier"}
    path = str(write(classifier=str(given), configs=configs))
    experiment = Experiment(read_table(path), data, tmp_path / "runs")
    with monkeypatch.context() as patch:
        patch.setattr(Clock, "wait", lambda *a: pytest.fail("waited"))
        for k in (2, 1):
            experiment.run(groups=["asked"], part=Part(k, 2))
    experiment.run(groups=["asked"])
    results = collect(experiment)
    assert results["groups"]["asked"]["differences"]
    digest = file_hash(given / "model.safetensors")
    assert results["classifier"] == {"weights": str(given), "sha256": digest}
    assert f"Classifier: that of `{given}` (SHA-256 `{digest}`)." in page(results, {})
    bodies = [
        state_hash(load_model(folder).backbone().state_dict())
        for folder in (given, experiment.out / "models/subnet_seed0")
    ]
    assert bodies[0] == bodies[1]
    assert not (experiment.out / "classifier").exists()

    other = load_model(given)
    with torch.no_grad():
        other.backbone().classifier.head.bias.add_(1)
    save_model(other, given / "model.safetensors")
    with pytest.raises(ValueError, match="was trained with another classifier"):
        experiment.run(groups=["asked"])


def test_a_classifier_that_does_not_fit_is_refused_at_once(
    write: Write, data: Path, tmp_path: Path, given: Path, make_unet: Callable[..., Any]
) -> None:
    unet, process = make_unet(2), (VPSDE(), MelSettings())
    model = ModelFile(None, ("hum", "hiss"), *process, parametrisation="v", unet=unet)
    save_model(model, tmp_path / "unet.safetensors")
    for changes, message in (
        ({"classifier": "nowhere"}, "nowhere: no such file or folder"),
        ({"classifier": str(tmp_path / "unet.safetensors")}, "without a classifier"),
        ({"classifier": str(given), "words": ["hum", "whistle"]}, "does not know whistle; its"),
    ):
        table = read_table(str(write(**changes)))
        with pytest.raises(ValueError, match=message):
            Experiment(table, data, tmp_path / "runs").run()
    assert not (tmp_path / "runs").exists()
