"""YAML files of training configs, which may be based on one another."""

from __future__ import annotations

import json
import reprlib
from argparse import ArgumentError
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ActionConfigFile  # type: ignore[attr-defined]

from scoresubnet.options.errors import plainly
from scoresubnet.options.plain_yaml import load
from scoresubnet.options.registries import refuse_unknown

SHIPPED = {path.stem: path for path in (Path(__file__).parents[1] / "configs").glob("*.yaml")}


class ConfigFile(ActionConfigFile):
    """`--config`: a path or a shipped name; what the file is based on comes first.

    Raises:
        ValueError: there is no such file, or it is malformed; the message names it.
    """

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: Any = None) -> None:
        exits, parser.exit_on_error = parser.exit_on_error, False
        try:
            for path, content in chain(find_config(values)):
                _refuse_unknown(path, content, parser.get_defaults().as_dict())
                super().__call__(parser, cfg, json.dumps(content), option_string)
        except (TypeError, ArgumentError) as error:
            raise ValueError(f"{path}: {plainly(str(error))}") from error
        finally:
            parser.exit_on_error = exits


def find_config(name: str) -> Path:
    """The file behind a path or a shipped name.

    Raises:
        ValueError: there is none.
    """
    if Path(name).is_file():
        return Path(name)
    refuse_unknown("config", name, SHIPPED, "or give the path of a file")
    return SHIPPED[name]


def chain(path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A file and what it is based on, the first base first, each with its own values.

    `base` in a file is a path relative to it, or a shipped name.

    Raises:
        ValueError: a file is missing, is no mapping, or is based on itself.
    """
    found: list[tuple[Path, dict[str, Any]]] = []
    while True:
        if path.resolve() in (before.resolve() for before, _ in found):
            raise ValueError(f"{path}: based on itself; take a `base` out")
        try:
            content = load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: {plainly(str(error))}") from error
        if not isinstance(content, dict):
            raise ValueError(f"{path}: not a mapping of options")
        base = content.pop("base", None)
        found.append((path, content))
        if base is None:
            return reversed(found)
        beside = path.parent / str(base)
        if not beside.is_file():
            refuse_unknown("base", str(base), SHIPPED, f"in {path}, or give a path relative to it")
        path = beside if beside.is_file() else SHIPPED[str(base)]


def _refuse_unknown(path: Path, values: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse keys that no option has, and sections that are no mappings.

    A key may also be dotted, as `run.steps`.

    Raises:
        ValueError: there is one; the message names the file and the key, or those nearest to it.
    """
    for key, value in values.items():
        name, _, rest = str(key).partition(".")
        refuse_unknown("key", name, known, f"in {path}")
        inside = {rest: value} if rest else value
        if not (known[name] and isinstance(known[name], Mapping)):  # {}: its keys are no options
            continue
        if not isinstance(inside, Mapping):
            raise ValueError(f"{path}: {name} = {reprlib.repr(value)} is no mapping of options")
        _refuse_unknown(path, inside, known[name])
