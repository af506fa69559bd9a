"""The folder of a run: claimed before the data are read, free again if that fails."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from scoresubnet.data.sources import Source
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining, DataConfig, ScoreTraining
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.score import train_score
from scoresubnet.weights import load_model

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


def test_aliases_are_of_the_run_and_of_what_is_built_on_it(
    classifier_run: MakeClassifier, score_run: Callable[..., ScoreTraining], tmp_path: Path
) -> None:
    """A run of an older version has none; what differs is named as a whole."""
    aliases = {"صفر": "hum", "no": "hiss", "a.b": "hum"}
    runs = [classifier_run(steps=n, aliases=aliases) for n in (1, 2)]
    for run in runs:  # the second goes on
        assert train_classifier(run, tmp_path / "c").aliases == aliases
    assert config_of(tmp_path / "c")["aliases"] == aliases
    assert load_model(tmp_path / "c").aliases == aliases
    train_score(score_run(steps=1), tmp_path / "c", tmp_path / "s")
    assert load_model(tmp_path / "s").aliases == aliases
    for other in ({}, aliases | {"a.b": "hiss"}):
        with pytest.raises(ValueError, match="holds a run with another aliases "):
            train_classifier(classifier_run(steps=2, aliases=other), tmp_path / "c")


@pytest.mark.parametrize(
    ("alias", "label", "message"),
    [("hum", "hiss", "is a label itself"), ("x", "hums", "unknown label 'hums'")],
)
def test_aliases_that_contradict_the_words_are_refused_before_these_are_read(
    alias: str,
    label: str,
    message: str,
    classifier_run: MakeClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def keep(self: SpeechData, clips: object) -> None:
        raise AssertionError("minutes of work")

    monkeypatch.setattr(SpeechData, "keep", keep)
    with pytest.raises(ValueError, match=message):
        train_classifier(classifier_run(aliases={alias: label}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


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


@pytest.mark.parametrize(
    "content",
    [
        b": [",
        b"\x80\xff\x00",
        b"",
        b"- 1",
        b"text",
        b"{name: project, version: 3}",
        b"data: 1",
        None,
    ],
)
def test_a_config_that_is_none_is_named_and_stays(
    content: bytes | None, classifier_run: MakeClassifier, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match="not the config of a run; choose another --out") as error:
        train_classifier(classifier_run(), tmp_path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [path]
    assert content is None or path.read_bytes() == content


def test_a_checkpoint_without_a_config_is_not_gone_on_from(
    classifier_run: MakeClassifier, classifier: Path, tmp_path: Path
) -> None:
    shutil.copy(classifier / "checkpoint.ckpt", tmp_path)
    with pytest.raises(ValueError, match=r"a checkpoint\.ckpt without its config\.yaml; choose"):
        train_classifier(classifier_run(), tmp_path)


def test_a_folder_that_is_a_file_is_named(classifier_run: MakeClassifier, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OSError, match="out: cannot be written: a file is where a folder"):
        train_classifier(classifier_run(), tmp_path / "out")


def test_where_the_data_lie_is_not_what_they_are(
    classifier_run: MakeClassifier,
    data_config: Callable[..., DataConfig],
    words_folder: Path,
    classifier: Path,
    assert_same: Compare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another cache, a moved folder, and a relative name of it: the same run."""
    out, moved = tmp_path / "out", tmp_path / "moved"
    train_classifier(classifier_run(minutes=1e-9), out)
    shutil.copytree(words_folder, moved)
    monkeypatch.chdir(tmp_path)
    sources = (Source("folder", "moved"),)
    config = classifier_run(data=data_config(sources=sources, cache=str(tmp_path / "cache")))
    train_classifier(config, out)
    assert_same(out, classifier)
    assert config_of(out)["data"]["sources"][0]["root"] == "moved"
    assert config_of(out)["data"]["cache"] == str(tmp_path / "cache")


def test_changed_data_are_refused_unless_they_are_allowed(
    classifier_run: MakeClassifier,
    data_config: Callable[..., DataConfig],
    words_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before any is read."""

    def keep(self: SpeechData, clips: object) -> None:
        raise AssertionError("minutes of work")

    out, words = tmp_path / "out", tmp_path / "words"
    shutil.copytree(words_folder, words)
    config = classifier_run(steps=2, data=data_config(sources=(Source("folder", str(words)),)))
    train_classifier(config, out)
    before = (out / "config.yaml").read_text()
    (words / "hum" / "take0.wav").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(SpeechData, "keep", keep)
        with pytest.raises(ValueError, match=r"0 added, 1 removed, such as hum/take0\.wav; r"):
            train_classifier(config, out)
    assert (out / "config.yaml").read_text() == before
    run = dataclasses.replace(config.run, allow_changed_data=True, steps=3)
    train_classifier(dataclasses.replace(config, run=run), out)
    assert config_of(out)["run"]["steps"] == 3


WRITTEN_BY_0_2 = """
data:
  sources:
  - kind: folder
    root: {root}
    words: null
    weight: 1.0
  words:
  - hum
  - hiss
  cache: {cache}
  batch_size: 4
  balance: 0.5
network:
  widths:
  - 8
  - 16
  blocks:
  - 1
  - 1
  bottleneck_blocks: 1
  patch: 4
  time_dim: 16
  dropout: 0.0
sde:
  beta_min: 0.1
  beta_max: 20.0
  t_eps: 0.001
times:
  distribution: uniform
  centre: 0.3
  spread: 1.0
  uniform_share: 0.2
augment:
  shift: 5
  stretch: 0.0
  warp: 0.0
  gain: 0.0
  lowpass: 0.0
  noise: 0.0
  mask: 0.0
optimiser:
  learning_rate: 0.003
  weight_decay: 0.01
  warmup: 2
  decay_share: 0.4
  gradient_clip: 1.0
  ema_decay: 0.7
run:
  steps: 4
  minutes: 0.0
  seed: 3
  validate_every: 2
  save_every: 5.0
  threads: 0
precision: 32-true
compile: false
start: null
labels:
- hum
- hiss
mel_hash: {mel_hash}
"""
FIRST_OF_ALL = ("weight: ", "precision: ", "compile: ", "  mask: ", "  threads: ")
"""Lines that the first versions did not write."""


@pytest.mark.parametrize("without", [(), FIRST_OF_ALL])
def test_a_run_that_an_older_version_began_goes_on(
    without: tuple[str, ...],
    classifier_run: MakeClassifier,
    classifier: Path,
    words_folder: Path,
    assert_same: Compare,
    tmp_path: Path,
) -> None:
    """What its config lacks has its default; version 0.1 and 0.2 wrote the same fields."""
    train_classifier(classifier_run(minutes=1e-9), tmp_path)
    (tmp_path / "clips.jsonl").unlink()
    facts = {"root": words_folder, "cache": "x", "mel_hash": config_of(tmp_path)["mel_hash"]}
    lines = WRITTEN_BY_0_2.format(**facts).splitlines()
    kept = [line for line in lines if not any(name in line for name in without)]
    assert len(kept) == len(lines) - len(without)
    (tmp_path / "config.yaml").write_text("\n".join(kept))
    with pytest.raises(ValueError, match=r"another network\.dropout, compile "):
        train_classifier(changed(classifier_run(compile=True)), tmp_path)
    train_classifier(classifier_run(), tmp_path)
    assert_same(tmp_path, classifier)
    assert config_of(tmp_path) == config_of(classifier)


def changed(config: ClassifierTraining) -> ClassifierTraining:
    return dataclasses.replace(config, network=dataclasses.replace(config.network, dropout=0.1))


def test_a_run_of_another_kind_or_version_is_named(
    classifier_run: MakeClassifier, subnet: Path, classifier: Path, tmp_path: Path
) -> None:
    shutil.copytree(classifier, tmp_path / "newer")
    text = (classifier / "config.yaml").read_text().replace("augment:", "augment:\n  echo: 1.0")
    (tmp_path / "newer" / "config.yaml").write_text(text)
    for out, key in (
        (tmp_path / "newer", r"augment\.echo"),
        (subnet, "classifier, label_dropout, param"),
    ):
        with pytest.raises(ValueError, match=f"another version of scoresubnet, as it has {key}"):
            train_classifier(classifier_run(), out)
