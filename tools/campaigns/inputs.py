"""The campaign of generated inputs: workers answer them, one after the other."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from tqdm import tqdm

from tools.campaigns.sandbox import new_box
from tools.campaigns.verdicts import GOOD, PROCESS_SECONDS, VERDICTS, Case, judge

Make = Callable[[random.Random, Path], Case]
"""(random, box) -> a case, whose files it has written into the box"""
Input = tuple[str, int]
"""kind, number"""

SECONDS = 30.0  # for one answer
MEMORY = 1 << 30  # bytes of address space that an answer may add
PER_WORKER = 40  # inputs; then a fresh one is forked
PROCESS_EVERY = 50  # inputs, of which one is a process of its own


def campaign(kinds: dict[str, Make], wanted: Sequence[Input], seed: int, keep: Path) -> int:
    """Judge the inputs, print a table, and keep the boxes of the findings; return their number."""
    counts: Counter[tuple[str, str]] = Counter()
    with tqdm(total=len(wanted), unit="input") as bar:
        for (kind, number), verdict, why in answers(kinds, wanted, seed, keep):
            counts[kind, verdict] += 1
            if verdict not in GOOD:
                last = why.strip().rpartition("\n")[2]
                line = f"{verdict}: --only {kind}:{number} --seed {seed}: {last[:200]}"
                bar.write(line, file=sys.stderr)
            bar.update()
    print(table(counts, list(kinds)))
    return sum(count for (_, verdict), count in counts.items() if verdict not in GOOD)


def answers(
    kinds: dict[str, Make], wanted: Sequence[Input], seed: int, keep: Path
) -> Iterator[tuple[Input, str, str]]:
    """(input, class, why) of each; a worker that hangs or dies is replaced."""
    todo = list(wanted)
    while todo:
        part = todo[:PER_WORKER]
        results, writing = Pipe(duplex=False)
        worker = os.fork()
        if not worker:
            _work(kinds, part, seed, keep, writing)
        writing.close()
        for item in part:
            todo.pop(0)
            limit = SECONDS + PROCESS_SECONDS * _as_process(item)
            try:
                answered = results.poll(limit)
                found = results.recv() if answered else ("hang", f"more than {limit:g} s")
            except EOFError:
                answered, found = False, ("death", "")
            if not answered:
                os.kill(worker, signal.SIGKILL)  # of a dead one, nothing more
                ended = os.waitpid(worker, 0)[1]
                found = (found[0], found[1] or f"the worker ended: {ended:#x}")
                worker = 0
                _keep(_box(keep, item), keep, *found)
            yield item, *found
            if not answered:
                break
        if worker:
            os.waitpid(worker, 0)


def _work(
    kinds: dict[str, Make], part: Sequence[Input], seed: int, keep: Path, results: Connection
) -> None:
    """Judge inputs in this process, and end it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        torch.set_num_threads(1)  # a fork has none of the others, which libgomp waits for
        for item in part:
            kind, number = item
            box = new_box(_box(keep, item))
            case = kinds[kind](random.Random(f"{seed} {kind} {number}"), box)
            about = f"{case.about}\n{case.arguments}\n"
            (box / "printed" / "case.txt").write_text(about, errors="backslashreplace")
            as_process = _as_process(item) and isinstance(case.arguments, list)
            verdict, why = judge(case, box, keep / "work", as_process)
            _keep(box, keep, verdict, why)
            results.send((verdict, why[-20_000:]))
        os._exit(0)
    except BaseException:  # of the campaign itself: a death, for the parent
        (keep / f"{kind}-{number}.txt").write_text(traceback.format_exc())
    finally:
        os._exit(1)


def _box(keep: Path, item: Input) -> Path:
    """Deep enough for strays by way of ../../ to be seen."""
    return keep / "work" / "deep" / "down" / f"{item[0]}-{item[1]}"


def _keep(box: Path, keep: Path, verdict: str, why: str) -> None:
    """Move the box of a finding to those of its class, with a file that says why."""
    if verdict in GOOD:
        return shutil.rmtree(box)
    place = keep / verdict.replace(" ", "-") / box.name
    place.parent.mkdir(exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    box.rename(place)
    (place / "finding.txt").write_text(why, errors="backslashreplace")


def _as_process(item: Input) -> bool:
    return item[1] % PROCESS_EVERY == PROCESS_EVERY - 1


def table(counts: Counter[tuple[str, str]], kinds: list[str]) -> str:
    """Counts by kind and class, as Markdown."""
    shown = [v for v in VERDICTS if v in GOOD or any(counts[kind, v] for kind in kinds)]
    rows = [["kind", *shown], *([k, *(str(counts[k, v]) for v in shown)] for k in kinds)]
    rows.append(["all", *(str(sum(counts[k, v] for k in kinds)) for v in shown)])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * (len(shown) + 1) + "|", *lines[1:]])
