"""The folder of a run: whose it is, and what it was begun with."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
import yaml

from scoresubnet.data.clips import Clip
from scoresubnet.data.sources import Source
from scoresubnet.files import refuse_unwritable, write_text
from scoresubnet.training import ranks
from scoresubnet.training.clip_data import Check, ClipData
from scoresubnet.training.clip_list import keep_clips, refuse_other_clips
from scoresubnet.training.config import DataConfig, Training
from scoresubnet.training.process import ended_by_sigterm, locked

CONFIG, CHECKPOINT = "config.yaml", "checkpoint.ckpt"
_WAY_OUT = "choose another --out, or empty this folder to begin again"
_PARTS = ("data", "run")
_PATHS = ("data.cache", "lessons")  # of lessons the content counts, which is in `lessons_hash`
_DEVICES = ("devices", "nodes")
_VALUES = ("aliases",)  # mappings whose keys are no options
_SOURCE = dataclasses.asdict(Source("folder", ""))


Claim = tuple[Check, Callable[[ClipData[Any]], None]]
"""what checks the clips that were found, and what completes `config.yaml`"""


@contextmanager
def claimed(out: str | os.PathLike[str], config: Training, **origin: str | None) -> Iterator[Claim]:
    """Claim the folder of a run before its data are read; refuse to mix two different runs.

    The length and rhythm of a run may change from one command to the next, and where its data lie;
    nothing else may. The block gets a function that checks the clips that were found, and one that
    checks what only the data tell, their labels and features, and completes `config.yaml`. If a new
    run fails before that, the folder is free again. Until the block ends no other process gets the
    folder, and SIGTERM ends the block.

    Where several processes train together, the first one does all that, and makes the cache of the
    data. The block of the others begins when that is done.

    Args:
        out: the folder; made if missing.
        config: what this command asks for.
        origin: what the run builds on, by content.

    Raises:
        OSError: the folder cannot be written.
        SystemExit: the first process could not begin; that one says why.
        ValueError: another process is training there; the folder holds a run of another config or
            version, of other clips or words, or on another classifier; or its `config.yaml` is
            damaged, foreign or missing.
    """
    if not ranks.is_first():
        with ended_by_sigterm():
            if not ranks.tell(False):
                raise SystemExit(1)
            yield _nothing, _nothing
        return
    waited_for = True
    try:
        with _owned(Path(out), config, origin) as (check, complete):

            def completed(data: ClipData[Any]) -> None:
                nonlocal waited_for
                complete(data)
                waited_for = False
                ranks.tell(True)

            yield check, completed
    except BaseException:
        if waited_for:
            with suppress(RuntimeError):  # they have ended
                ranks.tell(False)
        raise


def _nothing(_: Any) -> None:
    """The first process has done it."""


@contextmanager
def _owned(out: Path, config: Training, origin: Mapping[str, str | None]) -> Iterator[Claim]:
    """As `claimed`, of one process."""
    path = out / CONFIG
    new_folder = not out.exists()
    values = _plain(dataclasses.asdict(config)) | origin
    for name in _DEVICES:  # a run is the same on any number of them
        values["run"].pop(name)
    refuse_unwritable(out)
    with locked(out), ended_by_sigterm():
        before = _stored(path, config, origin)
        begun = before is not None and "labels" in before  # else it stopped before its data
        if before is None:
            write_text(path, yaml.safe_dump(values, sort_keys=False))
        else:
            _refuse_others(path, before, _flat(values))

        def check(clips: list[Clip]) -> None:
            if begun:
                refuse_other_clips(out, clips, config.run.allow_changed_data)

        def complete(data: ClipData[Any]) -> None:
            nonlocal begun
            facts = {"labels": list(data.words), "mel_hash": data.mel.hash}
            if before is not None and begun:
                _refuse_others(path, before, facts)
            keep_clips(out, data.found)
            write_text(path, yaml.safe_dump(values | facts, sort_keys=False))
            begun = True

        try:
            yield check, complete
        except BaseException:
            if not begun:
                path.unlink(missing_ok=True)
            if new_folder:
                with suppress(OSError):  # not empty
                    out.rmdir()
            raise


def steps_made(out: Path) -> int:
    """The step that a run has come to.

    Raises:
        OSError: it has no checkpoint.
    """
    checkpoint = torch.load(out / CHECKPOINT, weights_only=True, mmap=True, map_location="cpu")
    return int(checkpoint["global_step"])


def _stored(path: Path, config: Training, origin: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a folder says of its run, by dotted names; what it leaves out has its default.

    Returns:
        The values, or None if the folder holds no run.

    Raises:
        ValueError: `config.yaml` is damaged, foreign, of another kind or version, or missing.
    """
    if not path.exists():
        if (path.parent / CHECKPOINT).exists():
            raise ValueError(f"{path.parent}: a {CHECKPOINT} without its {CONFIG}; {_WAY_OUT}")
        return None
    try:
        stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (IsADirectoryError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{path}: damaged, or not the config of a run; {_WAY_OUT}") from error
    if not isinstance(stored, dict) or not all(isinstance(stored.get(k), dict) for k in _PARTS):
        raise ValueError(f"{path}: not the config of a run; {_WAY_OUT}")
    defaults = _flat(_plain(dataclasses.asdict(type(config)(DataConfig()))))
    found = _flat(stored)
    if unknown := sorted(map(str, found.keys() - {*defaults, *origin, "labels", "mel_hash"})):
        raise ValueError(
            f"{path}: of another kind of run, or of another version of scoresubnet, as it has "
            f"{', '.join(unknown[:3])}; {_WAY_OUT}"
        )
    return defaults | found


def _refuse_others(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse a run that differs in more than its length, its rhythm and its paths.

    Raises:
        ValueError: it does; the message names what differs.
    """
    compared = [k for k in now if k not in _PATHS and (k == "run.seed" or not k.startswith("run."))]
    changed = [k for k in compared if _placeless(before.get(k)) != _placeless(now[k])]
    if changed:
        raise ValueError(
            f"{path.parent} holds a run with another {', '.join(changed)} (see {path}); "
            "choose another --out, or repeat the command that started it"
        )


def _flat(values: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """{"run": {"seed": 0}} -> {"run.seed": 0}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        section = isinstance(value, dict) and name not in _VALUES
        flat |= _flat(value, f"{name}.") if section else {name: value}
    return flat


def _placeless(value: Any) -> Any:
    """The sources without their roots, and with the fields that an older version left out."""
    if isinstance(value, list):
        return [_SOURCE | v | {"root": ""} if isinstance(v, dict) else v for v in value]
    return value


def _plain(value: Any) -> Any:
    """Tuples as lists, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
