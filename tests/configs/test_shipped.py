"""Every shipped config and recipe is complete, strict, and what its name says."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from scoresubnet import cli
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.presets import PRESETS
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.training.config import TRAININGS
from scoresubnet.training.config_files import SHIPPED
from tests.configs.commands import train

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
ALL = [*sorted(SHIPPED.values()), *RECIPES]

# In what the Score Subnets of shipped weights differ from the preset of their size.
_LABEL: dict[str, Any] = {"blocks": (3, 3, 4, 1, 2), "label_taps": True}
OWN: dict[str, dict[str, Any]] = {
    "words18-paper-score": {"keep_input_scale": True},
    **dict.fromkeys(("small-label-score", "words18-small-label-score"), _LABEL),
    **dict.fromkeys(("arabic16-small-score", "words13-small-score"), _LABEL),
}


@pytest.mark.parametrize("path", ALL, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_configs_parse_and_match_their_preset(path: Path, trained: list[Any]) -> None:
    kind = path.stem.rsplit("-", 1)[1]
    assert train(path, kind) == 0
    config = trained[0][0]
    assert type(trained[0][0]) is TRAININGS[kind]
    assert bool(config.data.sources) == (path in RECIPES or "paper" in path.stem)
    if kind in ("vocoder", "evaluator"):
        return
    paper = "paper" in path.stem
    assert (config.precision, config.compile) == (
        ("bf16-mixed", True) if paper else ("32-true", False)  # the paper's size wants a GPU
    )
    preset = PRESETS["paper" if paper else "small"]
    if kind == "classifier":
        assert dataclasses.replace(config.network, dropout=0) == dataclasses.replace(
            preset.classifier, dropout=0
        )
    elif kind == "unet":
        assert config.unet == preset.unet
    else:
        assert config.subnet == dataclasses.replace(preset.subnet, **OWN.get(path.stem, {}))


# Of the configs behind weights, shipped or measured, each with all its values; see `fingerprint`.
FROZEN = {
    "arabic16-evaluator": "dfee54c4edea4f8c",
    "arabic16-small-classifier": "50ded752d709fac4",
    "arabic16-small-score": "8c0c401582466a29",
    "paper-classifier": "bbde90e20b2f053e",
    "paper-score": "f1f3bcf318807956",
    "paper-unet": "adccfdf6f01faa4a",
    "small-classifier": "eb037137efa593ed",
    "small-label-score": "c8901313f5b903ed",
    "small-score": "b60c5668bf59af5f",
    "small-unet": "227c0aa3859b884b",
    "words13-small-classifier": "caa7c0d9f76a0e74",
    "words13-small-score": "30c9e2084176332c",
    "words18-evaluator": "61cdaf8810d3eedb",
    "words18-paper-classifier": "62e98a28fccb7e35",
    "words18-paper-score": "924948001c9536c2",
    "words18-small-classifier": "1bf5dabd4994ccf8",
    "words18-small-finetune-classifier": "599552e0d3fe91aa",
    "words18-small-finetune-score": "567d7edc71552d46",
    "words18-small-finish-score": "65a9730bfd8ec9ab",
    "words18-small-label-score": "73360302e03f2cf7",
    "words18-small-style-classifier": "7a32a2fcc271b1ea",
    "words18-small-score": "98584be7fd534192",
    "words18-taught-evaluator": "9c6388097000ce4a",
    "word-evaluator": "e14282fd6258d53c",
}


def fingerprint(config: Any) -> str:
    """Changes with every value that is not the default, and with the order of nothing."""
    plain = json.loads(json.dumps(dataclasses.asdict(config)))
    default = json.loads(json.dumps(dataclasses.asdict(type(config)(type(config.data)()))))
    flat = {
        f"{key}.{name}": value
        for key, group in plain.items()
        for name, value in (group.items() if isinstance(group, dict) else [("", group)])
        if value != (default[key].get(name) if isinstance(group, dict) else default[key])
    }
    return hashlib.sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("path", [p for p in ALL if "vocoder" not in p.stem], ids=lambda p: p.stem)
def test_configs_keep_their_values(path: Path, trained: list[Any]) -> None:
    """However they inherit them: the shipped weights say that these recipes made them."""
    assert train(path, path.stem.rsplit("-", 1)[1]) == 0
    assert fingerprint(trained[0][0]) == FROZEN[path.stem]


def test_the_recipe_of_the_vocoder_adds_our_recordings(trained: list[Any]) -> None:
    (path,) = (p for p in RECIPES if "vocoder" in p.stem)
    for config in (path, "pitch-16khz-vocoder"):
        assert train(config, "vocoder") == 0
    recipe, shipped = (call[0] for call in trained)
    assert [(s.kind, s.words, s.weight) for s in recipe.data.sources] == [
        ("speech_commands", "WORDS18", 1.0),
        ("fsdd", "SC09", 0.3),
    ]
    data = dataclasses.replace(recipe.data, sources=())
    assert dataclasses.replace(recipe, data=data) == shipped


def test_the_paper_preset_predicts_epsilon_at_uniform_times(trained: list[Any]) -> None:
    assert train("paper-score", "score") == 0
    config = trained[0][0]
    assert config.parametrisation == "epsilon"
    assert config.times.distribution == "uniform"
    assert config.subnet.fusion == "cross-attention"


@pytest.mark.parametrize("kind", TRAININGS)
def test_help_lists_the_shipped_configs(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    with pytest.raises(SystemExit):
        cli.main(["train", kind, "--help"])
    shown = capsys.readouterr().out
    assert all((name in shown) == name.endswith(kind) for name in SHIPPED)


def test_a_shipped_config_goes_by_its_name(trained: list[Any]) -> None:
    assert train("small-score", "score") == 0
    assert trained[0][0].subnet == PRESETS["small"].subnet
    assert trained[0][1:] == ("runs/c", "runs/x", None)


def test_config_dataclasses_and_presets_are_plain_values() -> None:
    for preset in PRESETS.values():
        assert ClassifierConfig(**dataclasses.asdict(preset.classifier)) == preset.classifier
        assert SubnetConfig(**dataclasses.asdict(preset.subnet)) == preset.subnet
