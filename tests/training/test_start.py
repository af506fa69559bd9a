"""What a run may start from and go on with, and what is refused."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.sde import VPSDE
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    DataConfig,
    OptimiserConfig,
    ScoreTraining,
    TimesConfig,
)
from scoresubnet.training.score import train_score
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weights import load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
MakeScore = Callable[..., ScoreTraining]
Tensors = Callable[[Path], dict[str, Tensor]]
Compare = Callable[[Path, Path], None]


def other_configs(config: ClassifierTraining) -> dict[str, ClassifierTraining]:
    replace = dataclasses.replace
    return {
        "network.time_dim": replace(config, network=replace(config.network, time_dim=8)),
        "data.batch_size": replace(config, data=replace(config.data, batch_size=2)),
        "sde.beta_max": replace(config, sde=replace(config.sde, beta_max=10.0)),
        "times.distribution": replace(config, times=TimesConfig("logit_normal")),
        "augment.gain": replace(config, augment=AugmentConfig(gain=6)),
        "optimiser.warmup": replace(config, optimiser=replace(config.optimiser, warmup=9)),
        "run.seed": replace(config, run=replace(config.run, seed=9)),
        "data.sources": replace(
            config,
            data=replace(config.data, sources=(replace(config.data.sources[0], weight=2.0),)),
        ),
    }


@pytest.mark.parametrize(
    "changed",
    [
        *("network.time_dim", "data.batch_size", "data.sources", "sde.beta_max"),
        *("times.distribution", "augment.gain", "optimiser.warmup", "run.seed"),
    ],
)
def test_another_config_is_refused_and_named(
    changed: str, classifier_run: MakeClassifier, classifier: Path
) -> None:
    before = {path: path.read_bytes() for path in classifier.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match=rf"holds a run with another {changed} \(see "):
        train_classifier(other_configs(classifier_run())[changed], classifier)
    assert {path: path.read_bytes() for path in classifier.iterdir() if path.is_file()} == before


def test_another_score_config_or_classifier_is_refused_and_named(
    score_run: MakeScore, classifier: Path, subnet: Path
) -> None:
    config = score_run(
        parametrisation="v",
        subnet=SubnetConfig((8, 8, 8, 8), (1, 1, 1, 1), "addition", time_dim=16),
    )
    with pytest.raises(ValueError, match=r"another parametrisation, subnet\.fusion "):
        train_score(config, classifier, subnet)
    with pytest.raises(ValueError, match="another classifier "):
        train_score(score_run(), subnet, subnet)


@pytest.mark.parametrize("words", [("hum", "hiss"), ("hiss", "hum"), ("hiss",)])
def test_fine_tuning_starts_from_other_weights(
    words: tuple[str, ...],
    classifier_run: MakeClassifier,
    data_config: Callable[..., DataConfig],
    tiny: ClassifierConfig,
    classifier: Path,
    tensors: Tensors,
    tmp_path: Path,
) -> None:
    """At a learning rate of zero they stay; the last layer is kept only if it means the same."""
    config = classifier_run(
        steps=1,
        data=data_config(words=words),
        network=dataclasses.replace(tiny, dropout=0.2),
        optimiser=OptimiserConfig(learning_rate=0.0),
    )
    train_classifier(config, tmp_path, start=classifier)
    before, after = tensors(classifier), tensors(tmp_path)
    assert load_model(tmp_path).labels == words
    for name, tensor in after.items():
        if words == ("hum", "hiss") or ".head." not in name:
            assert torch.equal(tensor, before[name]), name
        else:
            assert len(tensor) == len(words)
            assert not torch.equal(tensor, before[name][: len(words)]), name


def test_fine_tuning_needs_the_same_network(
    classifier_run: MakeClassifier, tiny: ClassifierConfig, classifier: Path, tmp_path: Path
) -> None:
    config = classifier_run(network=dataclasses.replace(tiny, time_dim=8))
    with pytest.raises(ValueError, match="cannot start from weights of another shape"):
        train_classifier(config, tmp_path, start=classifier)


def test_fine_tuning_a_subnet_starts_from_it(
    score_run: MakeScore, classifier: Path, subnet: Path, tensors: Tensors, tmp_path: Path
) -> None:
    config = score_run(steps=1, optimiser=OptimiserConfig(learning_rate=0.0))
    train_score(config, classifier, tmp_path, start=subnet)
    before, after = tensors(subnet), tensors(tmp_path)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_deeper_subnet_starts_as_the_one_it_grows_from(
    score_run: MakeScore, classifier: Path, subnet: Path, tmp_path: Path
) -> None:
    """At any seed; the taps may be of labels from then on."""
    file = load_model(subnet)
    old = file.score_model()
    assert file.subnet is not None
    shape = file.subnet.config
    deeper = dataclasses.replace(shape, blocks=(2, 1, 3, 1), label_taps=True)
    config = score_run(steps=1, subnet=deeper, optimiser=OptimiserConfig(learning_rate=0.0))
    train_score(config, classifier, tmp_path / "deeper", start=subnet)
    new = load_model(tmp_path / "deeper").score_model()
    assert new.network.config == deeper
    assert sum(p.numel() for p in new.parameters()) > sum(p.numel() for p in old.parameters())
    x, t = torch.randn(2, 1, 80, 64, generator=torch.Generator().manual_seed(0)), torch.rand(2)
    with torch.no_grad():
        torch.testing.assert_close(new.score(x, t), old.score(x, t), rtol=1e-5, atol=1e-5)
    other = load_model(subnet)
    other.sde = VPSDE(beta_max=5.0)
    save_model(other, tmp_path / "noise.safetensors")
    with pytest.raises(ValueError, match="cannot start from weights of another noise process"):
        train_score(config, classifier, tmp_path / "x", start=tmp_path / "noise.safetensors")
    shallower = score_run(subnet=dataclasses.replace(shape, blocks=(1, 1, 2, 1)))
    with pytest.raises(ValueError, match="cannot start from weights of another shape"):
        train_score(shallower, classifier, tmp_path / "shallower", start=tmp_path / "deeper")


def test_a_subnet_starts_only_from_its_own_kind(
    classifier_run: MakeClassifier,
    score_run: MakeScore,
    classifier: Path,
    subnet: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="cannot start from a classifier alone"):
        train_score(score_run(), classifier, tmp_path / "a", start=classifier)
    with pytest.raises(ValueError, match="from weights of another parametrisation: epsilon, not v"):
        train_score(score_run(parametrisation="v"), classifier, tmp_path / "b", start=subnet)


def test_a_subnet_may_move_to_another_classifier_of_the_same_shape(
    classifier_run: MakeClassifier,
    score_run: MakeScore,
    subnet: Path,
    tensors: Tensors,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As after the classifier was trained on."""
    train_classifier(classifier_run(steps=1), tmp_path / "other")
    config = score_run(steps=1, optimiser=OptimiserConfig(learning_rate=0.0))
    train_score(config, tmp_path / "other", tmp_path / "c", start=subnet)
    assert "was trained on another classifier" in caplog.text
    expected = tensors(tmp_path / "other") | {
        name: value for name, value in tensors(subnet).items() if name.startswith("subnet.")
    }
    after = tensors(tmp_path / "c")
    assert after.keys() == expected.keys()
    assert all(torch.equal(after[name], expected[name]) for name in after)


def test_a_command_that_cannot_start_leaves_the_folder_free(
    classifier_run: MakeClassifier,
    data_config: Callable[..., DataConfig],
    classifier: Path,
    assert_same: Compare,
    tmp_path: Path,
) -> None:
    """Else the corrected command would be refused as another run."""
    with pytest.raises(WeightsError, match="no such file or folder"):
        train_classifier(classifier_run(), tmp_path, start=tmp_path / "absent")
    with pytest.raises(ValueError, match="no training clips of hoot"):
        train_classifier(classifier_run(data=data_config(words=("hum", "hoot"))), tmp_path)
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)


def test_words_that_the_classifier_does_not_know_are_refused(
    score_run: MakeScore,
    classifier: Path,
    words_folder: Path,
    data_config: Callable[..., DataConfig],
    tmp_path: Path,
) -> None:
    for word, source in (("hum", "hum"), ("hoot", "hiss")):
        (tmp_path / "words").mkdir(exist_ok=True)
        (tmp_path / "words" / word).symlink_to(words_folder / source)
    data = data_config(
        sources=({"kind": "folder", "root": str(tmp_path / "words")},), words=("hum", "hoot")
    )
    with pytest.raises(ValueError, match="does not know hoot; its labels are hum, hiss"):
        train_score(score_run(data=data), classifier, tmp_path / "out")


def test_one_word_of_the_classifier_is_enough_for_the_subnet(
    score_run: MakeScore,
    classifier: Path,
    data_config: Callable[..., DataConfig],
    tmp_path: Path,
) -> None:
    """Zero-shot guidance: the subnet sees fewer words, the labels stay the classifier's."""
    model = train_score(score_run(steps=1, data=data_config(words=("hiss",))), classifier, tmp_path)
    assert model.labels == load_model(tmp_path).labels == ("hum", "hiss")


def test_a_subnet_needs_a_classifier(score_run: MakeScore, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file or folder"):
        train_score(score_run(), tmp_path / "absent", tmp_path / "out")
    assert not (tmp_path / "out").exists()
