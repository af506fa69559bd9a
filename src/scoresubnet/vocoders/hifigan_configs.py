"""The JSON and YAML in a folder with a HiFi-GAN, as plain values: nothing is instantiated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ValueError: it is damaged, or holds anything else.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} is not an object")
    return values


def read_yaml(path: Path) -> dict[str, Any]:
    """The generator's hyperparameters, else those of the top; `<name>` is followed once.

    Raises:
        ValueError: the file holds anything but a mapping.
        yaml.YAMLError: it is damaged, or names a class of Python.
    """
    values = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} is not a mapping")
    generator = values.get("generator")
    own = generator if isinstance(generator, dict) else {}

    def followed(value: Any) -> Any:
        reference = re.fullmatch(r"<(\w+)>", value) if isinstance(value, str) else None
        return values.get(reference[1]) if reference else value

    return {key: followed(value) for key, value in {**values, **own}.items()}


class _PlainLoader(yaml.SafeLoader):
    """YAML whose local tags (`!new:`, `!ref`, ...) are ignored: nothing is instantiated."""


def _untagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_PlainLoader.add_multi_constructor("!", _untagged)
