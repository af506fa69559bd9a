"""`python -m benchmarks.backends`: torch beside onnxruntime, alone and beside busy processes.

Each backend and number of threads has a process of its own; they take turns, so that a slow minute
slows them all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser
from jsonargparse.typing import NonNegativeInt, PositiveInt

from benchmarks.busy import busy_processes
from benchmarks.children import ROOT, child
from scoresubnet.cli import SPIN_COUNT

BACKENDS = ("torch", "onnx")
TASKS = ("step", "word")


class Task(NamedTuple):
    """What is timed: a guided step, or words sampled and vocoded, of so many at once."""

    what: str
    batch: int


class Worker(NamedTuple):
    """A process that has loaded the weights."""

    run: Callable[[Task], float]
    """Seconds of a task."""
    peak_mib: Callable[[], float]
    """The largest resident set so far."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m benchmarks.backends",
        description="Time steps, words, start-up and memory of torch and onnxruntime; write "
        "backends.json and backends.md.",
    )
    add = parser.add_argument
    add("--out", type=Path, default=Path("runs/benchmarks"), help="folder of the results")
    add("--rounds", type=PositiveInt, default=7, help="of each task, alone and beside others")
    add("--threads", type=list[PositiveInt], default=[1, 2], help="of either backend")
    add("--batches", type=list[PositiveInt], default=[1, 4, 16], help="clips at once")
    add("--others", type=NonNegativeInt, default=2, help="busy processes")
    add("--weights", type=str, default="words18-small", help="with graphs")
    given = parser.parse_args(arguments)

    from benchmarks.machine import machine
    from scoresubnet.files import refuse_unwritable, write_json, write_text

    refuse_unwritable(given.out)
    facts = machine()
    rows = [row for t in given.threads for row in _rows(t, given)]
    starts = _starts(given.weights, given.rounds)
    record = {"machine": facts, "others": given.others, "rows": rows, "starts": starts}
    text = _text(facts, given.others, rows, starts)
    write_json(given.out / "backends.json", record)
    write_text(given.out / "backends.md", text)
    print(text)
    return 0


def _rows(threads: int, given: Any) -> list[dict[str, Any]]:
    """A row for each task with so many threads."""
    from benchmarks.report import Spread
    from benchmarks.timing import Times

    tasks = [Task(what, batch) for what in TASKS for batch in given.batches]
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(worker(name, threads, given.weights)) for name in BACKENDS
        }
        alone = {task: _in_turns(workers, task, given.rounds) for task in tasks}
        with busy_processes(given.others):
            beside = {task: _in_turns(workers, task, given.rounds) for task in tasks}
        peaks = {name: each.peak_mib() for name, each in workers.items()}
    rows = []
    for task in tasks:
        idle = {name: Times(tuple(seconds)) for name, seconds in alone[task].items()}
        busy = {name: Times(tuple(seconds)) for name, seconds in beside[task].items()}
        rows.append(
            {
                **task._asdict(),
                "threads": threads,
                "ms": {name: 1e3 * times.median for name, times in idle.items()},
                "ratio": asdict(Spread.of(idle["onnx"].ratios(idle["torch"]))),
                "busy_ms": {name: 1e3 * times.median for name, times in busy.items()},
                "busy_to_idle": {name: busy[name].ratio(idle[name]) for name in BACKENDS},
                "peak_mib": peaks,
            }
        )
    return rows


def _in_turns(workers: Mapping[str, Worker], task: Task, rounds: int) -> dict[str, list[float]]:
    """So many times of each; all take turns, after one that is not counted."""
    found: dict[str, list[float]] = {name: [] for name in workers}
    for k in range(rounds + 1):
        for name, each in workers.items():
            seconds = each.run(task)
            if k:
                found[name].append(seconds)
    return found


def _starts(weights: str, rounds: int) -> dict[str, float]:
    """Seconds from nothing to a word, of a process that is started for it; the median."""
    from benchmarks.timing import Times

    code = (
        "import sys\nfrom scoresubnet import SpeechGenerator\n"
        "generator = SpeechGenerator.from_pretrained(sys.argv[1], backend=sys.argv[2])\n"
        "generator.generate(generator.labels[0])"
    )
    found: dict[str, list[float]] = {name: [] for name in BACKENDS}
    for _ in range(rounds):
        for name in BACKENDS:
            start = perf_counter()
            subprocess.run([sys.executable, "-c", code, weights, name], check=True, cwd=ROOT)
            found[name].append(perf_counter() - start)
    return {name: Times(tuple(seconds)).median for name, seconds in found.items()}


def _text(
    facts: Mapping[str, Any],
    others: int,
    rows: Sequence[Mapping[str, Any]],
    starts: Mapping[str, float],
) -> str:
    """Markdown, a line a row."""
    lines = [
        f"{facts['processor']}, {facts['cores']} cores",
        "",
        "| task | at once | threads | torch, ms | onnx, ms | onnx / torch | "
        f"torch, ms beside {others} | onnx, ms beside {others} | torch, busy / idle | "
        "onnx, busy / idle |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ms, busy, slower = row["ms"], row["busy_ms"], row["busy_to_idle"]
        ratio = row["ratio"]
        cells = [row["what"], row["batch"], row["threads"]]
        cells += [f"{ms[name]:.1f}" for name in BACKENDS]
        cells.append(f"{ratio['median']:.2f} ({ratio['least']:.2f} to {ratio['most']:.2f})")
        cells += [f"{busy[name]:.0f}" for name in BACKENDS]
        cells += [f"{slower[name]:.1f}" for name in BACKENDS]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    peaks = rows[-1]["peak_mib"]
    lines += ["", "From nothing to a word: " + _pair(starts, "{:.2f} s") + "."]
    lines.append("Largest resident set: " + _pair(peaks, "{:.0f} MiB") + ".")
    return "\n".join(lines) + "\n"


def _pair(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} {form.format(values[name])}" for name in BACKENDS)


@contextmanager
def worker(backend: str, threads: int, weights: str) -> Iterator[Worker]:
    """A process with a backend and a number of threads.

    Torch's threads wait as the command `scoresubnet` has them wait.
    """
    setting = {"OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": SPIN_COUNT}
    with child("benchmarks.backends", setting, backend, weights) as ask:
        yield Worker(ask, lambda: ask("peak"))


def answer(backend: str, weights: str) -> None:
    """The work of such a process: a number for each line that comes."""
    from resource import RUSAGE_SELF, getrusage

    import numpy as np

    from scoresubnet.arrays import full_like_items, place_like
    from scoresubnet.pipeline import SpeechGenerator

    generator = SpeechGenerator.from_pretrained(weights, backend=backend)
    model, mel = generator.model, generator.mel

    def task(what: str, batch: int) -> float:
        labels = [generator.labels[k % len(generator.labels)] for k in range(batch)]
        start = perf_counter()
        if what == "word":
            generator.batch_size = batch
            generator.generate(labels)
            return perf_counter() - start
        noise = np.random.default_rng(0).standard_normal((batch, 1, mel.n_mels, mel.frames))
        with model.undisturbed():
            x = place_like(noise, model.like, "float32")
            t = full_like_items(0.5, x)
            both = model.with_class_gradient(place_like(range(batch), model.like, "int64") % 2)
            start = perf_counter()
            both(x, t)
        return perf_counter() - start

    for line in sys.stdin:
        order = json.loads(line)
        peak = getrusage(RUSAGE_SELF).ru_maxrss / 2**10
        print(peak if order == "peak" else task(*order), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        answer(*sys.argv[2:])
    else:
        sys.exit(main())
