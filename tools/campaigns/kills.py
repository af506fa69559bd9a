"""The campaigns of kills: a command is killed, given again, and must end as if nothing had been."""

from __future__ import annotations

import math
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tools.campaigns.commands import Command, half_written, result
from tools.campaigns.sandbox import command_status, enter, new_box, printed
from tools.campaigns.trees import leftovers, snapshot
from tools.campaigns.verdicts import OF_LIBRARIES

MOST = 4  # kills until a command may end
PROCESSES = 20  # of as many commands one is a real command line
PAUSE = 0.001  # seconds between two looks at the files

Moment = Callable[[float, int], bool]
"""(seconds, changes of the files so far) -> whether to kill now"""


@dataclass
class Unbroken:
    """An uninterrupted command: its result, its length, and how often its files changed."""

    result: dict[str, Any]
    seconds: float
    changes: int


def campaign(commands: Sequence[Command], count: int, seed: int, keep: Path) -> int:
    """Kill so often; print what was seen, and return the number of findings."""
    unbroken: dict[tuple[str, bool], Unbroken] = {}
    counts: Counter[tuple[str, str]] = Counter()
    phases: Counter[str] = Counter()
    number = 0
    with tqdm(total=count, unit="kill") as bar:
        while bar.n < count:
            command, as_process = commands[number % len(commands)], number % PROCESSES == 7
            key = command.name, as_process
            if key not in unbroken:
                unbroken[key] = _unbroken(command, keep / f"unbroken-{command.name}", as_process)
            box = new_box(keep / f"{command.name}-{number}")
            draw = random.Random(f"{seed} {number}")
            most = min(draw.randint(1, MOST), count - int(bar.n))
            kills, found = interrupted(command, box, unbroken[key], draw, most, as_process, phases)
            bar.update(kills)
            counts[command.name, "kills"] += kills
            counts[command.name, "commands"] += 1
            counts[command.name, "findings"] += bool(found)
            if found:
                bar.write(f"{box}: " + "; ".join(found)[:2000], file=sys.stderr)
                (box / "finding.txt").write_text("\n".join(found))
            else:
                shutil.rmtree(box)
            number += 1
    for command in commands:
        seen = [
            f"{counts[command.name, what]} {what}" for what in ("kills", "commands", "findings")
        ]
        print(f"{command.name}: {', '.join(seen)}")
    last = ", ".join(f"{name} {n}" for name, n in phases.most_common())
    print(f"what was written last when they were killed: {last}")
    return sum(n for (_, what), n in counts.items() if what == "findings")


def _unbroken(command: Command, box: Path, as_process: bool) -> Unbroken:
    most = 0

    def never(seconds: float, changes: int) -> bool:
        nonlocal most
        most = changes
        return False

    shutil.rmtree(box, ignore_errors=True)
    start = time.perf_counter()
    status = run(command, new_box(box), never, as_process)
    if status:
        raise RuntimeError(f"{command.name} fails: {printed(box)}")
    return Unbroken(result(box / "out"), time.perf_counter() - start, most)


def interrupted(
    command: Command,
    box: Path,
    unbroken: Unbroken,
    draw: random.Random,
    most: int,
    as_process: bool = False,
    phases: Counter[str] | None = None,
) -> tuple[int, list[str]]:
    """Kill a command up to `most` times and let it end: (number of kills, what is wrong).

    What was written last at each kill is counted in `phases`.
    """
    kills, share = 0, 1.0
    while True:
        moment = _drawn(draw, unbroken, share) if kills < most else _never
        start = time.perf_counter()
        status = run(command, box, moment, as_process)
        if status != -signal.SIGKILL:
            break
        kills += 1
        if phases is not None:
            phases[_last_written(box / "out")] += 1
        share = max(0.3, share - (time.perf_counter() - start) / unbroken.seconds)
        if broken := half_written(box / "out"):
            return kills, [f"half-written after a kill: {broken}"]
    if status:
        return kills, [f"status {status}: {printed(box)[-1500:]}"]
    return kills, differences(box, unbroken.result)


def _drawn(draw: random.Random, unbroken: Unbroken, share: float) -> Moment:
    """A time in the share that is left of an uninterrupted command, or a change of its files."""
    if draw.random() < 0.4:
        change = draw.randint(1, math.ceil(share * unbroken.changes))
        return lambda seconds, changes: changes >= change
    at = draw.uniform(0, share * unbroken.seconds)
    return lambda seconds, changes: seconds >= at


def _last_written(folder: Path) -> str:
    """The name of the newest file, without what is drawn in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        return "nothing"
    name = max(files, key=lambda path: path.stat().st_mtime_ns).name
    return "a temporary file" if name.endswith(".tmp") else name.partition(".tfevents.")[0]


def _never(seconds: float, changes: int) -> bool:
    return False


def differences(box: Path, expected: dict[str, Any]) -> list[str]:
    """What an interrupted command left that an uninterrupted one does not."""
    outside = [*snapshot(box / "tmp"), *snapshot(box / "home"), *snapshot(box / "cwd")]
    left = [path for path in outside if not OF_LIBRARIES.search(path)] + leftovers(box / "out")
    found = [f"left: {path}" for path in left]
    there = result(box / "out")
    found += [f"missing: {name}" for name in expected.keys() - there.keys()]
    found += [f"new: {name}" for name in there.keys() - expected.keys()]
    both = sorted(expected.keys() & there.keys())
    unequal = [name for name in both if expected[name] != there[name]]
    return found + [f"different: {name}" for name in unequal]


def run(command: Command, box: Path, moment: Moment, as_process: bool = False) -> int:
    """The exit status of the command, or -9: it is killed, with its children, at the moment."""
    start, changes, before = time.perf_counter(), 0, snapshot(box / "out")
    worker = os.fork()
    if not worker:
        _child(command, box, as_process)
    with suppress(ProcessLookupError):
        os.setpgid(worker, worker)  # here too: whoever comes first
    while True:
        ended, status = os.waitpid(worker, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        now = snapshot(box / "out")
        changes += now != before
        before = now
        if moment(time.perf_counter() - start, changes):
            os.killpg(worker, signal.SIGKILL)
        time.sleep(PAUSE)


def _child(command: Command, box: Path, as_process: bool) -> None:
    status = 1
    try:
        os.setpgid(0, 0)
        enter(box)
        if as_process:
            line = [sys.executable, "-m", "scoresubnet", *command.arguments]
            os.execv(sys.executable, line)
        status = command_status(command.arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
