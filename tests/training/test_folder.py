"""The folder of a run: claimed before the data are read, free again if that fails."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining, DataConfig
from scoresubnet.training.datamodule import SpeechData

pytestmark = pytest.mark.filterwarnings("ignore")
MakeClassifier = Callable[..., ClassifierTraining]
Compare = Callable[[Path, Path], None]


def config_of(out: Path) -> dict[str, Any]:
    return yaml.safe_load((out / "config.yaml").read_text())


def test_a_foreign_folder_is_refused_before_the_data_are_read(
    classifier_run: MakeClassifier, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(self: SpeechData, clips: object) -> None:
        raise AssertionError("minutes of work")

    monkeypatch.setattr(SpeechData, "keep", keep)
    with pytest.raises(ValueError, match="another compile "):
        train_classifier(classifier_run(compile=True), classifier)
    with pytest.raises(AssertionError, match="minutes"):
        train_classifier(classifier_run(), classifier)
    assert config_of(classifier)["labels"] == ["hum", "hiss"]


def test_a_folder_is_claimed_while_the_data_are_read(
    classifier_run: MakeClassifier,
    classifier: Path,
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then a run with another config is refused; the same command goes on; a failure frees it."""
    out, seen = tmp_path / "out", []

    def keep(self: SpeechData, clips: object) -> None:
        seen.append((out / "config.yaml").read_text())
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SpeechData, "keep", keep)
        with pytest.raises(KeyboardInterrupt):
            train_classifier(classifier_run(), out)
    assert not out.exists()
    out.mkdir()
    (out / "config.yaml").write_text(seen[0])  # as a lost machine leaves it
    assert not {"labels", "mel_hash"} & config_of(out).keys()
    with pytest.raises(ValueError, match="another compile "):
        train_classifier(classifier_run(compile=True), out)
    train_classifier(classifier_run(), out)
    assert_same(out, classifier)
    assert config_of(out) == config_of(classifier)


@pytest.mark.parametrize("key", ["labels", "mel_hash"])
def test_what_only_the_data_tell_is_checked_too(
    key: str, classifier_run: MakeClassifier, data_config: Callable[..., DataConfig], tmp_path: Path
) -> None:
    """The words that a folder has may change, and the recipe of the features."""
    config = classifier_run(steps=1, data=data_config(words=None))
    train_classifier(config, tmp_path)
    before = config_of(tmp_path)
    text = yaml.safe_dump(before | {key: "other"})
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=f"another {key} "):
        train_classifier(config, tmp_path)
    assert (tmp_path / "config.yaml").read_text() == text


def test_a_run_leaves_the_state_of_its_process(
    classifier_run: MakeClassifier, tmp_path: Path
) -> None:
    torch.manual_seed(11)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    config = classifier_run(steps=1)
    run = dataclasses.replace(config.run, threads=threads + 1)
    train_classifier(dataclasses.replace(config, run=run), tmp_path)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
