"""`train` with a config, and a config to train with."""

from __future__ import annotations

from pathlib import Path

from scoresubnet import cli


def train(path: Path | str, kind: str, *more: str) -> int:
    """The exit status of `train` with a config."""
    extra = ["--classifier", "runs/c"] if kind == "score" else []
    return cli.main(["train", kind, "--config", str(path), "--out", "runs/x", *extra, *more])


def write(path: Path, text: str) -> Path:
    """A new file, in a folder that is made if need be."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path
