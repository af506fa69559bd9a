"""Processes that answer a line for each line that they get, each with a setting of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Ask = Callable[[object], Any]
"""A plain value for the process -> its answer; raises `RuntimeError` if the process ends."""


@contextmanager
def child(module: str, setting: Mapping[str, str], *arguments: str) -> Iterator[Ask]:
    """`python -m module --child arguments`, which reads and prints lines of JSON.

    Args:
        module: of `benchmarks`.
        setting: of the environment, which has no other of OpenMP's.
        arguments: of the process.
    """
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--child", *arguments],
        cwd=ROOT,
        env={**plain, **setting},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(order: object) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        if not (line := process.stdout.readline()):
            raise RuntimeError(f"{module}: its process ended; its status is {process.wait()}")
        return json.loads(line)

    with process:
        try:
            yield ask
        finally:
            process.kill()
