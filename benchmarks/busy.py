"""`python -m benchmarks.busy`: one word beside other busy processes, and alone.

By default OpenMP's threads spin for milliseconds while they wait for work, and hold up one another
where other programs take the cores. They may spin for less, or sleep at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from jsonargparse import ArgumentParser
from jsonargparse.typing import NonNegativeInt, PositiveInt

from benchmarks.children import child
from scoresubnet.cli import SPIN_COUNT

WAITING = {
    "by default": {},
    "as scoresubnet sets it": {"GOMP_SPINCOUNT": SPIN_COUNT},
    "passively": {"OMP_WAIT_POLICY": "passive"},
}


class Spoken(NamedTuple):
    """One word: the seconds that it took, and the SHA-256 of its samples."""

    seconds: float
    sha256: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m benchmarks.busy",
        description="Time one word alone and beside busy processes, with threads that wait "
        "actively, briefly or passively; write busy.json and busy.md.",
    )
    add = parser.add_argument
    add("--out", type=Path, default=Path("runs/benchmarks"), help="folder of the results")
    add("--rounds", type=PositiveInt, default=7, help="words of each way of waiting, each time")
    add("--others", type=NonNegativeInt | None, help="busy processes; as many as cores if left out")
    add("--threads", type=PositiveInt | None, help="of torch; its own choice if left out")
    add("--weights", type=str, default="words18-small", help="that speak")
    given = parser.parse_args(arguments)

    from benchmarks.machine import machine
    from benchmarks.report import BusyRow, busy_table
    from benchmarks.timing import Times
    from scoresubnet.files import refuse_unwritable, write_json, write_text

    refuse_unwritable(given.out)
    facts = machine()
    cores = facts["cores"]
    others = cores if given.others is None else given.others
    with ExitStack() as stack:
        speakers = {
            name: stack.enter_context(speaker(setting, given.weights, given.threads))
            for name, setting in WAITING.items()
        }
        alone = _in_turns(speakers, given.rounds)
        with busy_processes(others):
            beside = _in_turns(speakers, given.rounds)
    words = [word for found in (alone, beside) for spoken in found.values() for word in spoken]
    if len({word.sha256 for word in words}) != 1:
        raise RuntimeError("the ways of waiting give different sounds")
    idle, busy = (
        {name: Times(tuple(word.seconds for word in spoken)) for name, spoken in found.items()}
        for found in (alone, beside)
    )
    first = next(iter(WAITING))
    rows = [BusyRow.of(name, idle[name], busy[name], idle[first]) for name in WAITING]
    text = f"{facts['processor']}, {cores} cores, {others} busy processes\n\n{busy_table(rows)}\n"
    record = {"machine": facts, "others": others, "rows": [asdict(row) for row in rows]}
    write_json(given.out / "busy.json", record)
    write_text(given.out / "busy.md", text)
    print(text)
    return 0


def _in_turns(speakers: dict[str, Callable[[], Spoken]], rounds: int) -> dict[str, list[Spoken]]:
    """So many words of each; all take turns, after one that is not counted."""
    found: dict[str, list[Spoken]] = {name: [] for name in speakers}
    for k in range(rounds + 1):
        for name, speak in speakers.items():
            word = speak()
            if k:
                found[name].append(word)
    return found


@contextmanager
def speaker(
    setting: dict[str, str], weights: str, threads: int | None
) -> Iterator[Callable[[], Spoken]]:
    """A process with a setting of its own, which is read when torch is loaded.

    Args:
        setting: of the environment, which has no other of OpenMP's.
        weights: that speak.
        threads: of torch; its own choice if None.

    Yields:
        What has it speak one word. Raises `RuntimeError` if the process ends.
    """
    order = json.dumps({"weights": weights, "threads": threads})
    with child("benchmarks.busy", setting, order) as ask:
        yield lambda: Spoken(*ask("word"))


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many processes that do nothing but keep a core busy."""
    command = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def answer(order: str) -> None:
    """The work of the process that speaks: one word for each line that comes."""
    import torch

    from scoresubnet.pipeline import SpeechGenerator

    given = json.loads(order)
    if given["threads"]:
        torch.set_num_threads(given["threads"])
        os.environ["OMP_NUM_THREADS"] = str(given["threads"])  # the vocoder's
    generator = SpeechGenerator.from_pretrained(given["weights"], backend="torch")
    for _ in sys.stdin:
        start = perf_counter()
        speech = generator.generate(generator.labels[0], seeds=0)
        seconds = perf_counter() - start
        sha256 = hashlib.sha256(speech.audio.tobytes()).hexdigest()
        print(json.dumps([seconds, sha256]), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        answer(sys.argv[2])
    else:
        sys.exit(main())
