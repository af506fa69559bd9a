"""The command line: parsers only. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

CONFIGS = Path(__file__).parent / "configs"

COMMANDS = {
    "generate": "Speak words: sample them from the shipped or your own weights.",
    "train": "Train a classifier, and then a Score Subnet on it.",
    "info": "Print what a preset or a file of weights costs: parameters, GMACs, memory.",
}
TRAININGS = {
    "classifier": "Train a noise-conditioned classifier (paper, eq. 6).",
    "score": "Train a Score Subnet on a frozen classifier (paper, eq. 4).",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `scoresubnet`.

    Returns:
        The exit status: 0, or 1 after a clear error (2 after one in the arguments themselves).
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # Only the parsers on the path to the command are built: those of `train` import torch.
    command = arguments[0] if arguments else ""
    parser = ArgumentParser(prog="scoresubnet", description="Speech from a frozen classifier.")
    parser.add_argument(
        "--version", action="version", version=f"scoresubnet {metadata.version('scoresubnet')}"
    )
    commands = parser.add_subcommands(dest="command")
    children = {
        "generate": _generate_parser(),
        "train": ArgumentParser(description=COMMANDS["train"]),
        "info": _info_parser(),
    }
    for name, description in COMMANDS.items():
        commands.add_subcommand(name, children[name], help=description)
    kind = arguments[1] if command == "train" and arguments[1:] else ""
    _add_trainings(children["train"], kind)
    values = parser.instantiate_classes(parser.parse_args(arguments))
    run: Callable[[Namespace], None] = import_module(f"scoresubnet.commands.{values.command}").run
    try:
        run(values[values.command])
    except (ValueError, OSError, ImportError) as error:
        print(f"scoresubnet {values.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _generate_parser() -> ArgumentParser:
    parser = ArgumentParser(description=COMMANDS["generate"])
    add = parser.add_argument
    add("labels", nargs="+", type=str, help="words to speak; `none` is no word in particular")
    add("--count", type=int, default=1, help="how many of each, with seeds S, S + 1, ...")
    add("--seed", type=int, default=0, help="seed S of the first one")
    add("--guidance", type=float, default=3.0, help="guidance strength gamma, 0 to 100")
    add("--steps", type=int, default=100, help="reverse steps, 1 to 10000")
    add("--sampler", type=str, default="euler-maruyama", help="solver of the reverse process")
    add("--vocoder", type=str, default="griffin-lim", help="from log-Mel to waveform")
    add("--weights", type=str, default="words18-small", help="shipped name, folder or file")
    add("--out", type=str, default="out", help="folder for the sounds and pictures")
    add("--json", action="store_true", help="print the result as JSON")
    return parser


def _info_parser() -> ArgumentParser:
    parser = ArgumentParser(description=COMMANDS["info"])
    parser.add_argument("model", type=str, help="preset (paper, small) or weights")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    return parser


def _add_trainings(parser: ArgumentParser, kind: str) -> None:
    """The subcommands of `train`; only the one that is asked for gets its many options."""
    kinds = parser.add_subcommands(dest="kind")
    for name, description in TRAININGS.items():
        child = ArgumentParser(description=description)
        child.add_argument("--config", action="config", help="YAML file, or a shipped config")
        child.add_argument("--out", type=str, required=True, help="folder of the run")
        if name == "score":
            child.add_argument(
                "--classifier", type=str, required=True, help="run or file of the classifier"
            )
        if name == kind:
            from scoresubnet.training import config

            child.add_class_arguments(
                {"classifier": config.ClassifierTraining, "score": config.ScoreTraining}[name],
                as_group=False,
            )
        kinds.add_subcommand(name, child, help=description)


if __name__ == "__main__":
    sys.exit(main())
