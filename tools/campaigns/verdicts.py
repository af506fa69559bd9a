"""The class of an answer."""

from __future__ import annotations

import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.campaigns.sandbox import command_status, enter, printed
from tools.campaigns.trees import changed, leftovers, snapshot

GOOD = ("result", "clear error")
VERDICTS = (*GOOD, "unclear", "traceback", "hang", "memory", "stray", "lost", "death")
"""`stray` is a file outside the output folder, or a temporary one left in it; `lost`: a good item
was lost beside a bad one; `death`: the process ended by a signal."""

NO_MEMORY = re.compile(r"MemoryError|can't allocate memory|Unable to allocate|bad_alloc")
ERROR = re.compile(r"^(?:scoresubnet|\S+: error|error)\b.*", re.DOTALL | re.MULTILINE)
OF_LIBRARIES = re.compile(
    r"/(?:home/\.(?:config|cache)(?:/(?:matplotlib|Microsoft)\b.*)?|tmp/(?:\.ses|torchinductor_.*))$"
)
"""matplotlib, onnxruntime and torch keep files of their own."""
PROCESS_SECONDS = 60


@dataclass
class Case:
    """One input, whose files lie in a box.

    Attributes:
        arguments: a command line, or a call of the library: it returns a complaint if it lost
            something.
        things: a clear error has one of these in it; empty: it is not checked.
        must: files in the box that must be there in the end, whatever is beside them.
        about: what it is, for a reader.
    """

    arguments: list[str] | Callable[[], str | None]
    things: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    about: str = ""


def judge(case: Case, box: Path, top: Path, as_process: bool = False) -> tuple[str, str]:
    """(class, why) of the answer to a case; this process stays in the box.

    Args:
        case: to be answered.
        box: its box.
        top: nothing may change below it but in `box/out`.
        as_process: give the command line to a new process.
    """
    own = (box / "out", box / "printed")
    before = snapshot(top, own)
    enter(box)
    complaint, raised = None, ""
    status = 1
    try:
        if not isinstance(case.arguments, list):
            complaint, status = case.arguments(), 0
        elif as_process:
            line = [sys.executable, "-m", "scoresubnet", *case.arguments]
            status = subprocess.run(line, timeout=PROCESS_SECONDS, check=False).returncode
        else:
            status = command_status(case.arguments)
    except subprocess.TimeoutExpired:
        return "hang", f"more than {PROCESS_SECONDS} s"
    except BaseException as error:
        if isinstance(error, ValueError | OSError) and not isinstance(case.arguments, list):
            print(f"scoresubnet: {error}", file=sys.stderr)  # as a command reports it
        else:
            raised = traceback.format_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    said = printed(box) + raised
    strays = changed(before, snapshot(top, own)) + leftovers(box / "out")
    strays = [path for path in strays if not OF_LIBRARIES.search(path)]
    if "Traceback (most recent call last)" in said:
        return ("memory" if NO_MEMORY.search(said) else "traceback"), said
    if status < 0:
        return "death", f"signal {-status}\n{said}"
    if strays:
        return "stray", "\n".join(strays)
    if missing := [name for name in case.must if not (box / name).is_file()]:
        complaint = f"missing: {missing}"
    if complaint:
        return "lost", f"{complaint}\n{said}"
    if status == 0:
        return "result", said
    return _error(status, said, case.things)


def _error(status: int, said: str, things: tuple[str, ...]) -> tuple[str, str]:
    """Whether an error is clear: status 1 with one line or 2, and one of the things in it."""
    found = ERROR.findall(said.strip())
    message = found[-1] if found else ""
    one_line = status == 2 or (status == 1 and "\n" not in message)
    named = not things or any(thing in message for thing in things)
    return ("clear error" if message and one_line and named else "unclear"), said
