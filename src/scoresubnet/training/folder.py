"""The folder of a run: whose it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from scoresubnet.files import replacing
from scoresubnet.training.clip_data import ClipData
from scoresubnet.training.config import (
    ClassifierTraining,
    EvaluatorTraining,
    ScoreTraining,
    VocoderTraining,
)

CHECKPOINT, CONFIG = "checkpoint.ckpt", "config.yaml"

Training = ClassifierTraining | ScoreTraining | VocoderTraining | EvaluatorTraining
"""The config of a run."""


def claim(
    out: Path,
    config: Training,
    data: ClipData[Any],
    origin: dict[str, str | None],
) -> None:
    """Write `config.yaml`; refuse to mix two different runs.

    The length and rhythm of a run may change from one command to the next; nothing else may.

    Args:
        out: the folder; made if missing.
        config: what this command asks for.
        data: its recordings.
        origin: what the run builds on, by content.

    Raises:
        ValueError: the folder holds a run of another config, other words or another classifier.
    """
    values = _plain(dataclasses.asdict(config)) | origin
    values |= {"labels": list(data.words), "mel_hash": data.mel.hash}
    path = out / CONFIG
    if path.exists():
        before = yaml.safe_load(path.read_text(encoding="utf-8"))
        changed = [key for key in values if key != "run" and before.get(key) != values[key]]
        if before["run"]["seed"] != values["run"]["seed"]:
            changed.append("run.seed")
        if changed:
            raise ValueError(
                f"{out} holds a run with another {', '.join(changed)} (see {path}); "
                "choose another --out, or repeat the command that started it"
            )
    with replacing(path) as temporary:
        temporary.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Tuples as lists, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
