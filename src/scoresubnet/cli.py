"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, Action
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, NoReturn, get_args

from jsonargparse import ArgumentParser, Namespace

from scoresubnet.commands.parsers import COMMANDS, LEAVES
from scoresubnet.options.errors import plainly
from scoresubnet.options.plain_yaml import MODE
from scoresubnet.process.home import provide_home
from scoresubnet.process.machine_errors import machine_error
from scoresubnet.process.missing import hint
from scoresubnet.process.streams import lasting_streams

SPIN_COUNT = "3000"
"""How often threads look for work before they sleep: some ten microseconds. By default they spin
for milliseconds, and hold up one another where other programs take the cores; threads that sleep at
once are late on an idle machine (docs/log/2026-11-28-busy.md)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `scoresubnet`, which owns its process.

    Returns:
        The exit status: 0, or 1 after a clear error (2 after one in the arguments themselves).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)  # read when torch is loaded
    provide_home()
    with lasting_streams() as output:
        status = _main(arguments)
        output.flush()
        if output.error is None:
            return status
        why = output.error.strerror
        print(f"scoresubnet: standard output: {why}; what was printed is lost", file=sys.stderr)
        return status or 1


def _main(arguments: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    words = 2 if arguments[:1] in (["train"], ["experiment"]) else 1
    name = " ".join(arguments[:words])
    if name not in LEAVES:  # --help, --version or a mistake
        _overview().parse_args(arguments)
        return 0
    rest = arguments[words:]
    try:
        prog = f"scoresubnet {name}"
        parser = LEAVES[name](_Parser(prog=prog, description=COMMANDS[name], parser_mode=MODE))
        values = parser.instantiate(parser.parse_args(rest))
        command = import_module(f"scoresubnet.commands.{arguments[0]}")
        run: Callable[..., None] = getattr(command, "_".join(["run", *arguments[1:words]]))
        run(values)
    except ModuleNotFoundError as error:
        return _failed(name, f"{error}{hint(error, arguments[0])}")
    except (ValueError, OSError, ImportError) as error:
        return _failed(name, str(error))
    except RecursionError:
        return _failed(name, "something in the input is nested too deeply; make it simpler")
    except (MemoryError, RuntimeError) as error:
        if (reason := machine_error(error)) is None:
            raise
        return _failed(name, reason)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _failed(name: str, reason: str) -> int:
    """Say in one line why a command failed, whatever a file has put into the reason."""
    print(f"scoresubnet {name}: {' '.join(reason.split())}", file=sys.stderr)
    return 1


class _Parser(ArgumentParser):
    """A parser whose errors are one line, and which takes null only for what may be missing."""

    def parse_args(self, *arguments: Any, **options: Any) -> Namespace:  # type: ignore[override]
        values = super().parse_args(*arguments, **options)
        for action in self._actions:
            kinds = get_args(getattr(action, "_typehint", None))
            needed = action.default is not None and type(None) not in kinds
            if needed and values.get(action.dest, ...) is None:
                self.error(f"{action.dest} is null; give it a value, or leave it out")
        return values

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        super().error(plainly(message), ex)


def _without_arguments(name: str) -> ArgumentParser:
    return ArgumentParser()


def _overview(leaf: Callable[[str], ArgumentParser] = _without_arguments) -> ArgumentParser:
    """The commands with their descriptions alone, so that --help imports nothing heavy.

    Args:
        leaf: name of a command -> its parser.
    """
    parser = ArgumentParser(prog="scoresubnet", description="Speech from a frozen classifier.")
    parser.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        default=SUPPRESS,
        help="the version, and the weights it ships",
    )
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        default=SUPPRESS,
        choices=("bash", "zsh", "tcsh"),
        help="a script by which that shell completes commands, options and names",
    )
    commands = parser.add_subcommands()
    groups = {
        "train": "Train a classifier, a Score Subnet on it, a U-Net, a vocoder, or a judge.",
        "experiment": "Make or write up a table of models.",
    }
    for name in (name for name in COMMANDS if " " not in name):
        commands.add_subcommand(name, leaf(name), help=COMMANDS[name])
    for group, description in groups.items():
        parts = ArgumentParser(description=description)
        commands.add_subcommand(group, parts, help=description)
        below = parts.add_subcommands()
        for name in (name for name in COMMANDS if name.startswith(f"{group} ")):
            below.add_subcommand(name.partition(" ")[2], leaf(name), help=COMMANDS[name])
    return parser


class _Version(Action):
    """Prints the version, and what the package ships."""

    def __call__(self, parser: Any, *others: Any) -> None:
        print(f"scoresubnet {metadata.version('scoresubnet')}")
        shipped = Path(__file__).parent / "pretrained"
        folders = {"weights": ".", "vocoder": "vocoders", "evaluators": "evaluators"}
        for kind, folder in folders.items():
            names = sorted(path.stem for path in (shipped / folder).glob("*.safetensors"))
            print(f"{kind}: {', '.join(names)}")
        parser.exit()


class _PrintCompletion(Action):
    """Prints what a shell is to read."""

    def __call__(self, parser: Any, namespace: Any, shell: Any, *others: Any) -> None:
        from scoresubnet.commands.completion import completion_script

        try:
            print(completion_script(_overview(_leaf), shell))
        except ModuleNotFoundError as error:
            parser.exit(1, f"scoresubnet --print-completion: {error}{hint(error)}\n")
        parser.exit()


def _leaf(name: str) -> ArgumentParser:
    """The parser of a command; without arguments where its extra is not installed."""
    try:
        return LEAVES[name](ArgumentParser(description=COMMANDS[name]))
    except ImportError:
        return _without_arguments(name)
