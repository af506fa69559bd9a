"""The words and aliases of a config, whatever YAML makes of them."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.configs.commands import train, write

WORDS = ("yes", "no", "on", "off", "null", "1", "true", "~", "01", "1e3")


def test_arabic_words_may_be_asked_for_in_arabic_letters(
    trained: list[Any], recordings: Path
) -> None:
    path = Path(__file__).parents[2] / "recipes/arabic16-small-classifier.yaml"
    assert train(path, "classifier") == 0
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
    assert train(path, "classifier", *more) == 0
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
    assert train(path, "classifier") == 1
    assert re.search(rf"{path}: {message}", capsys.readouterr().err)


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
    assert train(path, "classifier", *more) == 0
    found = trained[0][0].data
    assert found.words == WORDS
    assert [(s.root, s.words) for s in found.sources] == [("no", list(WORDS))]


def test_no_words_are_all_words(tmp_path: Path, trained: list[Any]) -> None:
    text = "data: {sources: [{kind: folder, root: x, words: null, weight: 1e-1}], words: ~}"
    assert train(write(tmp_path / "a.yaml", text), "classifier") == 0
    assert train("small-classifier", "classifier", "--data.words", "null") == 0
    first, second = (call[0].data for call in trained)
    assert (first.words, first.sources[0].words, first.sources[0].weight) == (None, None, 0.1)
    assert second.words is None
