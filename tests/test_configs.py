"""Every shipped config and recipe is complete, strict, and what its name says."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoresubnet import cli
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.presets import PRESETS
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.training.config import TRAININGS
from scoresubnet.training.config_files import SHIPPED

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))
ALL = [*sorted(SHIPPED.values()), *RECIPES]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `train` would have been called with."""
    import scoresubnet.commands.train as command

    calls: list[Any] = []
    monkeypatch.setattr(command, "train_classifier", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_score", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_unet", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_vocoder", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_evaluator", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "keep_freed_memory", lambda: None)
    return calls


def _train(path: Path | str, kind: str, *more: str) -> int:
    extra = ["--classifier", "runs/c"] if kind == "score" else []
    return cli.main(["train", kind, "--config", str(path), "--out", "runs/x", *extra, *more])


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
    assert _train(path, kind) == 0
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
    assert _train(path, path.stem.rsplit("-", 1)[1]) == 0
    assert fingerprint(trained[0][0]) == FROZEN[path.stem]


def test_the_recipe_of_the_vocoder_adds_our_recordings(trained: list[Any]) -> None:
    (path,) = (p for p in RECIPES if "vocoder" in p.stem)
    for config in (path, "pitch-16khz-vocoder"):
        assert _train(config, "vocoder") == 0
    recipe, shipped = (call[0] for call in trained)
    assert [(s.kind, s.words, s.weight) for s in recipe.data.sources] == [
        ("speech_commands", "WORDS18", 1.0),
        ("fsdd", "SC09", 0.3),
    ]
    data = dataclasses.replace(recipe.data, sources=())
    assert dataclasses.replace(recipe, data=data) == shipped


def test_arabic_words_may_be_asked_for_in_arabic_letters(
    trained: list[Any], recordings: Path
) -> None:
    (path,) = (p for p in RECIPES if p.stem == "arabic16-small-classifier")
    assert _train(path, "classifier") == 0
    with (recordings / "arabic_speech_commands/words.csv").open(encoding="utf-8") as file:
        expected = {row["arabic"]: row["romanised"] for row in csv.DictReader(file)}
    assert trained[0][0].aliases == expected


@pytest.mark.parametrize("place", ["config", "base", "options", "dumped"])
def test_aliases_are_text_whatever_yaml_makes_of_them(
    place: str, tmp_path: Path, trained: list[Any]
) -> None:
    """Their keys are no options."""
    aliases = {"صفر": "sifr", "no": "la", "1": "wahid", "a.b": "yes", "steps": "null"}
    text = "aliases: {صفر: sifr, no: la, 1: wahid, a.b: yes, steps: 'null'}"
    path = write(tmp_path / "config.yaml", yaml.safe_dump({"aliases": aliases}))
    more: list[str] = []
    if place in ("config", "base"):
        write(path, text)
    if place == "base":
        path = write(tmp_path / "own.yaml", "base: config.yaml\nrun: {steps: 7}")
    if place == "options":
        write(path, "aliases: {other: one}")
        more = ["--aliases", text.removeprefix("aliases: ")]
    assert _train(path, "classifier", *more) == 0
    assert trained[0][0].aliases == aliases


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aliases: 3", "aliases: '3' is not a mapping"),
        ("aliases: {a: [1]}", r"aliases: .*1.* is not text"),
        ("aliases: {a: null}", "aliases: 'None' is not text"),
    ],
)
def test_aliases_of_another_type_are_named(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "x.yaml", text)
    assert _train(path, "classifier") == 1
    assert re.search(rf"{path}: {message}", capsys.readouterr().err)


def test_the_paper_preset_predicts_epsilon_at_uniform_times(trained: list[Any]) -> None:
    assert _train("paper-score", "score") == 0
    config = trained[0][0]
    assert config.parametrisation == "epsilon"
    assert config.times.distribution == "uniform"
    assert config.subnet.fusion == "cross-attention"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_config_overrides_its_base_deeply(tmp_path: Path, trained: list[Any]) -> None:
    """A chain of a shipped name and a path beside the file; lists are replaced, not joined."""
    write(tmp_path / "own/first.yaml", "base: small-classifier\ndata: {words: [ja, nein]}\n")
    path = write(
        tmp_path / "own/second.yaml",
        "base: first.yaml\nnetwork: {widths: [8, 16, 32]}\nrun.steps: 7\ndata: {words: [ja]}\n",
    )
    assert _train(path, "classifier", "--run.seed", "5") == 0
    config = trained[0][0]
    assert config.network == dataclasses.replace(
        PRESETS["small"].classifier, widths=(8, 16, 32), dropout=0.15
    )
    assert (config.run.steps, config.run.seed, config.run.validate_every) == (7, 5, 500)
    assert (config.data.words, config.data.batch_size) == (("ja",), 128)


WORDS = ("yes", "no", "on", "off", "null", "1", "true", "~", "01", "1e3")


@pytest.mark.parametrize("place", ["config", "base", "dotted", "options", "dumped"])
def test_words_are_text_whatever_yaml_makes_of_them(
    place: str, tmp_path: Path, trained: list[Any]
) -> None:
    words = f"[{', '.join(WORDS)}]"
    sources = f"[{{kind: folder, root: no, words: {words}}}]"
    data = f"data: {{sources: {sources}, words: {words}}}"
    source = {"kind": "folder", "root": "no", "words": list(WORDS)}
    texts = {
        "config": data,
        "base": data,
        "dotted": f"data.sources: {sources}\ndata.words: {words}",
        "options": "run: {steps: 7}",
        "dumped": yaml.safe_dump({"data": {"sources": [source], "words": list(WORDS)}}),
    }
    path = write(tmp_path / "config.yaml", texts[place])
    if place == "base":
        path = write(tmp_path / "own.yaml", "base: config.yaml\nrun: {steps: 7}")
    more = ["--data.sources", sources, "--data.words", words] if place == "options" else []
    assert _train(path, "classifier", *more) == 0
    found = trained[0][0].data
    assert found.words == WORDS
    assert [(s.root, s.words) for s in found.sources] == [("no", list(WORDS))]


def test_no_words_are_all_words(tmp_path: Path, trained: list[Any]) -> None:
    text = "data: {sources: [{kind: folder, root: x, words: null, weight: 1e-1}], words: ~}"
    assert _train(write(tmp_path / "a.yaml", text), "classifier") == 0
    assert _train("small-classifier", "classifier", "--data.words", "null") == 0
    first, second = (call[0].data for call in trained)
    assert (first.words, first.sources[0].words, first.sources[0].weight) == (None, None, 0.1)
    assert second.words is None


def test_a_config_that_is_no_text_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_bytes("data: {words: [über]}".encode("latin-1"))
    assert _train(tmp_path / "a.yaml", "classifier") == 1
    assert f"{tmp_path}/a.yaml: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: smal-classifier", "unknown base 'smal-classifier'; nearest first, .*: small-class"),
        ("base: x.yaml", "x.yaml: based on itself"),
        ("base: y.yaml", "y.yaml: not a mapping"),
        ("base: z.yaml", "unknown key 'stepps'; nearest first, there are: steps, .*in .*z.yaml"),
    ],
)
def test_a_base_that_cannot_be_used_is_named(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "x.yaml", text)
    write(tmp_path / "y.yaml", "[1]")
    write(tmp_path / "z.yaml", "run: {stepps: 3}")
    assert _train(path, "classifier") == 1
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"augment: []", r"augment = \[\] is no mapping of options"),
        (b"subnet: -0.0", r"subnet = '-0\.0' is no mapping"),
        (b"run: null", "run = None is no mapping"),
        (b"data: elsewhere", "data = 'elsewhere' is no mapping"),
        (b"run: {steps: soon}", r"run\.steps: 'soon' is not a whole number$"),
        (b"data: {words: {a: b}}", r"data\.words: .*a.*b.* is not text"),
        (b"data: {sources: [3]}", r'"data\.sources".*3'),
        (b"subnet: {widths: [8, x, 8, 8]}", r"subnet\.widths: 'x' is not a whole number"),
        (b"run: [", "while parsing a flow node.*line"),
        (b"run: {steps: \xff}", "can't decode byte 0xff"),
        (b"\0", "control characters|unacceptable character|#x0"),
    ],
)
def test_what_is_wrong_in_a_config_is_said_in_one_line(
    text: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text)
    assert _train(path, "score") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(rf"^scoresubnet train score: {path}: .*({message})", line)


def test_null_in_a_config_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "x.yaml", "augment: {stretch: null}")
    with pytest.raises(SystemExit):
        _train(path, "score")
    assert "augment.stretch is null; give it a value, or leave it out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--run.steps", "soon"), r"run\.steps: 'soon' is not a whole number$"),
        (("--network.widths", "[8, x]"), r"network\.widths: 'x' is not a whole number$"),
        (("--augment", "[]"), r'"augment".*\[\]'),
        (("--run.seed", "null"), r"run\.seed: 'None' is not a whole number$"),
    ],
)
def test_what_is_wrong_in_an_option_is_said_in_one_line(
    option: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "classifier", "--out", "x", *option])
    assert re.search(rf"\Aerror: .*{message}", capsys.readouterr().err.splitlines()[-1])


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
        ("run: {steps: many}", "run.steps"),
        ("run: {steps: [}", "flow node"),
        ("times: {distribution: normal}", "logit_normal"),
        ("data: {sources: [{kind: fsd, root: x}]}", "fsdd"),
    ],
)
def test_a_wrong_key_or_value_is_named(
    text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[Any]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert _train(path, "classifier") == 1
    message = capsys.readouterr().err
    assert named in message
    assert str(path) in message or named in ("fsdd", "logit_normal")  # known when it is built
    assert not trained


def test_config_dataclasses_and_presets_are_plain_values() -> None:
    for preset in PRESETS.values():
        assert ClassifierConfig(**dataclasses.asdict(preset.classifier)) == preset.classifier
        assert SubnetConfig(**dataclasses.asdict(preset.subnet)) == preset.subnet
