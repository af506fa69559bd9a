"""Every shipped config is complete, strict, and what its name says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoresubnet import cli
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.presets import PRESETS
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.training.config import (
    ClassifierTraining,
    EvaluatorTraining,
    ScoreTraining,
    VocoderTraining,
)

KINDS = {
    "classifier": ClassifierTraining,
    "score": ScoreTraining,
    "vocoder": VocoderTraining,
    "evaluator": EvaluatorTraining,
}
SHIPPED = sorted(cli.CONFIGS.glob("*.yaml"))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `train` would have been called with."""
    import scoresubnet.commands.train as command

    calls: list[Any] = []
    monkeypatch.setattr(command, "train_classifier", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_score", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_vocoder", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_evaluator", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "keep_freed_memory", lambda: None)
    return calls


def _train(path: Path | str, kind: str, *more: str) -> int:
    extra = ["--classifier", "runs/c"] if kind == "score" else []
    return cli.main(["train", kind, "--config", str(path), "--out", "runs/x", *extra, *more])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_configs_parse_and_match_their_preset(path: Path, trained: list[Any]) -> None:
    kind = path.stem.rsplit("-", 1)[1]
    assert _train(path, kind) == 0
    config = trained[0][0]
    assert type(config) is KINDS[kind]
    if kind in ("vocoder", "evaluator"):
        return
    preset = PRESETS["paper" if "paper" in path.stem else "small"]
    if kind == "classifier":
        assert dataclasses.replace(config.network, dropout=0) == dataclasses.replace(
            preset.classifier, dropout=0
        )
    else:
        ours = path.stem == "words18-paper-score"  # the paper normalises every tap
        expected = (
            dataclasses.replace(preset.subnet, keep_input_scale=True) if ours else preset.subnet
        )
        assert config.subnet == expected


@pytest.mark.parametrize("path", [p for p in SHIPPED if "paper" in p.stem], ids=lambda p: p.stem)
def test_the_paper_sizes_are_set_up_for_a_gpu(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    assert (values["precision"], values["compile"]) == ("bf16-mixed", True)


def test_the_paper_preset_predicts_epsilon_at_uniform_times() -> None:
    values = yaml.safe_load((cli.CONFIGS / "paper-score.yaml").read_text())
    assert values["parametrisation"] == "epsilon"
    assert values["times"] == {"distribution": "uniform"}
    assert values["subnet"]["fusion"] == "cross-attention"


def test_a_shipped_config_goes_by_its_name(trained: list[Any]) -> None:
    assert _train("small-score", "score") == 0
    assert trained[0][0].subnet == PRESETS["small"].subnet
    assert trained[0][1:] == ("runs/c", "runs/x", None)


def test_options_override_the_config(trained: list[Any]) -> None:
    sources = "[{kind: folder, root: my-words, words: [ja, nein]}]"
    _train("small-classifier", "classifier", "--data.sources", sources, "--run.steps", "7")
    config = trained[0][0]
    assert config.run.steps == 7
    assert [dataclasses.asdict(s) for s in config.data.sources] == [
        {"kind": "folder", "root": "my-words", "words": ["ja", "nein"], "weight": 1.0}
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("network: {width: [32]}", "width"),
        ("optimizer: {learning_rate: 1.0}", "optimizer"),
        ("times: {distribution: normal}", "logit_normal"),
        ("data: {sources: [{kind: fsd, root: x}]}", "fsdd"),
    ],
)
def test_a_wrong_key_or_value_is_named(
    text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[Any]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    try:
        status: Any = _train(path, "classifier")
    except SystemExit as stop:
        status = stop.code
    assert status not in (0, None)
    assert named in capsys.readouterr().err
    assert not trained


def test_config_dataclasses_and_presets_are_plain_values() -> None:
    for preset in PRESETS.values():
        assert ClassifierConfig(**dataclasses.asdict(preset.classifier)) == preset.classifier
        assert SubnetConfig(**dataclasses.asdict(preset.subnet)) == preset.subnet
