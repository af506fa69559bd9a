"""A box for one command: folders of its own, also for HOME and TMPDIR, and what it prints."""

from __future__ import annotations

import gc
import io
import os
import sys
import tempfile
import threading
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

FOLDERS = ("home", "tmp", "cwd", "in", "out", "printed")


def new_box(box: Path) -> Path:
    """The folder with its `FOLDERS`; fails if it is there."""
    for name in FOLDERS:
        (box / name).mkdir(parents=True)
    return box


def enter(box: Path) -> None:
    """Let this process work in the box and print into it; there is no way back."""
    os.chdir(box / "cwd")
    os.environ |= {"HOME": str(box / "home"), "TMPDIR": str(box / "tmp"), "COLUMNS": "1000"}
    tempfile.tempdir = None
    tqdm.set_lock(threading.RLock())  # its own is of all processes, and a killed one keeps it
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        handle = os.open(box / "printed" / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, number)
        os.close(handle)
        # As Python has them in a terminal.
        stream = io.TextIOWrapper(
            os.fdopen(number, "wb", closefd=False), "utf-8", errors, line_buffering=True
        )
        setattr(sys, name, stream)


def printed(box: Path, name: str = "stderr") -> str:
    """What was printed in the box; progress bars show their last state only."""
    path = box / "printed" / name
    text = path.read_text("utf-8", errors="replace") if path.exists() else ""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n"))


def preload(home: Path) -> None:
    """Import now what every command would import in its own process, with another HOME."""
    home.mkdir(parents=True)
    os.environ |= {"HOME": str(home), "TMPDIR": str(home)}
    tempfile.tempdir = None
    for name in ("generate", "vocode", "evaluate", "info", "train"):
        import_module(f"scoresubnet.commands.{name}")
    for name in ("matplotlib.pyplot", "lightning", "onnxruntime", "tensorboard", "jsonargparse"):
        import_module(name)
    gc.freeze()  # a fork then copies less


def command_status(arguments: list[str]) -> int:
    """The exit status of `scoresubnet` in this process; other exceptions pass."""
    from scoresubnet.cli import main

    try:
        status: int | str | None = main(arguments)
    except SystemExit as error:
        status = error.code
    return status if isinstance(status, int) else int(status is not None)
