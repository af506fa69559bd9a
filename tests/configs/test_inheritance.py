"""A config overrides its base, and options override both."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from scoresubnet.networks.presets import PRESETS
from tests.configs.commands import train, write


def test_a_config_overrides_its_base_deeply(tmp_path: Path, trained: list[Any]) -> None:
    """A chain of a shipped name and a path beside the file; lists are replaced, not joined."""
    write(tmp_path / "own/first.yaml", "base: small-classifier\ndata: {words: [ja, nein]}\n")
    path = write(
        tmp_path / "own/second.yaml",
        "base: first.yaml\nnetwork: {widths: [8, 16, 32]}\nrun.steps: 7\ndata: {words: [ja]}\n",
    )
    assert train(path, "classifier", "--run.seed", "5") == 0
    config = trained[0][0]
    assert config.network == dataclasses.replace(
        PRESETS["small"].classifier, widths=(8, 16, 32), dropout=0.15
    )
    assert (config.run.steps, config.run.seed, config.run.validate_every) == (7, 5, 500)
    assert (config.data.words, config.data.batch_size) == (("ja",), 128)


def test_options_override_the_config(trained: list[Any]) -> None:
    sources = "[{kind: folder, root: my-words, words: [ja, nein]}]"
    train("small-classifier", "classifier", "--data.sources", sources, "--run.steps", "7")
    config = trained[0][0]
    assert config.run.steps == 7
    assert [dataclasses.asdict(s) for s in config.data.sources] == [
        {"kind": "folder", "root": "my-words", "words": ["ja", "nein"], "weight": 1.0}
    ]
