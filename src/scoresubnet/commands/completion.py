"""Completion of the command line by the shell: a script that is made of the parsers."""

from __future__ import annotations

from argparse import ArgumentParser, _HelpAction
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from scoresubnet.backends import BACKENDS
from scoresubnet.data.words import UNCONDITIONAL
from scoresubnet.model_about import DEFAULT_WEIGHTS, find_weights, read_about
from scoresubnet.samplers import SAMPLERS
from scoresubnet.sampling import SAMPLING_PRESETS
from scoresubnet.time_grids import TIME_GRIDS

_NAMES: Mapping[str, Iterable[str]] = {
    "backend": BACKENDS,
    "sampler": SAMPLERS,
    "grid": TIME_GRIDS,
    "sampling": SAMPLING_PRESETS,
}
"""Options that take a name and nothing else."""


def completion_script(parser: ArgumentParser, shell: str) -> str:
    """What the shell is to read. The parser is of no other use afterwards.

    Args:
        parser: of the whole command, with the parsers of its parts.
        shell: "bash", "zsh" or "tcsh".

    Raises:
        ModuleNotFoundError: shtab is not installed.
    """
    import shtab

    words = (*read_about(find_weights(DEFAULT_WEIGHTS)).labels, UNCONDITIONAL)
    for action in _actions(parser):
        names = _NAMES.get(action.dest)
        if action.dest == "labels" and not action.option_strings:
            names = words
        if names is not None:
            action.choices = list(names)
        elif action.choices is None and _may_be_a_path(action):
            action.complete = shtab.FILE
    script: str = shtab.complete(parser, shell)
    return script


def _may_be_a_path(action: Any) -> bool:
    """Whether an argument is text, or a config."""
    kind = getattr(action, "_typehint", action.type)
    return action.dest == "config" or str in (kind, *get_args(kind))


def _actions(parser: ArgumentParser) -> Iterator[Any]:
    """The arguments of a parser and of those below it, without these themselves."""
    for action in parser._actions:
        below = action.choices if isinstance(action.choices, dict) else None
        if below is not None:
            for part in below.values():
                yield from _actions(part)
        elif not isinstance(action, _HelpAction):
            yield action
