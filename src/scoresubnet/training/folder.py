"""The folder of a run: whose it is."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from scoresubnet.files import write_text
from scoresubnet.training.clip_data import ClipData
from scoresubnet.training.config import Training

CONFIG = "config.yaml"


@contextmanager
def claimed(
    out: str | os.PathLike[str], config: Training, **origin: str | None
) -> Iterator[Callable[[ClipData[Any]], None]]:
    """Claim the folder of a run before its data are read; refuse to mix two different runs.

    The length and rhythm of a run may change from one command to the next; nothing else may. The
    block gets a function that checks what only the data tell, their labels and features, and
    completes `config.yaml`. If a new run fails before its block ends, the folder is free again.

    Args:
        out: the folder; made if missing.
        config: what this command asks for.
        origin: what the run builds on, by content.

    Raises:
        ValueError: the folder holds a run of another config, other words or another classifier.
    """
    path = Path(out) / CONFIG
    new_folder = not path.parent.exists()
    values = _plain(dataclasses.asdict(config)) | origin
    before = yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.exists() else None
    begun = before is not None and "labels" in before  # else it stopped before its data were read

    def write() -> None:
        write_text(path, yaml.safe_dump(values, sort_keys=False))

    def complete(data: ClipData[Any]) -> None:
        facts = {"labels": list(data.words), "mel_hash": data.mel.hash}
        if before is not None and begun:
            _refuse_others(path, before, facts)
        values.update(facts)
        write()

    if before is None:
        write()
    else:
        _refuse_others(path, before, values)
    try:
        yield complete
    except BaseException:
        if not begun:
            path.unlink(missing_ok=True)
        if new_folder:
            with suppress(OSError):  # not empty
                path.parent.rmdir()
        raise


def _refuse_others(path: Path, before: dict[str, Any], values: dict[str, Any]) -> None:
    changed = [key for key in values if key != "run" and before.get(key) != values[key]]
    if "run" in values and before.get("run", {}).get("seed") != values["run"]["seed"]:
        changed.append("run.seed")
    if changed:
        raise ValueError(
            f"{path.parent} holds a run with another {', '.join(changed)} (see {path}); "
            "choose another --out, or repeat the command that started it"
        )


def _plain(value: Any) -> Any:
    """Tuples as lists, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
