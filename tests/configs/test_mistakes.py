"""What is wrong in a config or an option is said in one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from scoresubnet import cli
from tests.configs.commands import train, write


def test_a_config_that_is_no_text_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_bytes("data: {words: [über]}".encode("latin-1"))
    assert train(tmp_path / "a.yaml", "classifier") == 1
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
    assert train(path, "classifier") == 1
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
    assert train(path, "score") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(rf"^scoresubnet train score: {path}: .*({message})", line)


def test_null_in_a_config_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "x.yaml", "augment: {stretch: null}")
    with pytest.raises(SystemExit):
        train(path, "score")
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
    assert train(path, "classifier") == 1
    message = capsys.readouterr().err
    assert named in message
    assert str(path) in message or named in ("fsdd", "logit_normal")  # known when it is built
    assert not trained
