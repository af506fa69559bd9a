"""YAML in which a plain value is text until a type says otherwise: `no` and `1` are words.

YAML itself reads `[yes, no, on, off, null, 1]` as True, False, True, False, None and the number 1,
from which nobody can tell the words again.
"""

from __future__ import annotations

from typing import Any

import yaml
from jsonargparse import set_loader

MODE = "plain_yaml"
"""The `parser_mode` of a jsonargparse parser that reads YAML so; its types make the numbers."""

_NULL, _MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Nothing is resolved but `<<`, and `null` where it is the value of a key."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag in (_NULL, _MERGE)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_sequence(self, node: Any, deep: bool = False) -> list[Any]:
        items = node.value
        return [i.value if i.tag == _NULL else self.construct_object(i, deep) for i in items]


def load(text: str) -> Any:
    """The content: mappings, lists, text, and None for a key with no value or `null`.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    return yaml.load(text, _Loader)


set_loader(MODE, load, (yaml.YAMLError,))
