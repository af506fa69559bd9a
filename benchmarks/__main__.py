"""`python -m benchmarks`: milliseconds, real-time factors, memory, and their ratios in one run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveFloat, PositiveInt


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m benchmarks",
        description="Time reverse steps and whole clips; write speed.json and speed.md.",
    )
    add = parser.add_argument
    add("--out", type=Path, default=Path("runs/benchmarks"), help="folder of the results")
    add("--presets", nargs="+", type=str, default=["small", "paper"], help="the largest last")
    add("--batches", nargs="+", type=PositiveInt, default=[1, 8, 32], help="clips at once")
    add("--rounds", type=PositiveInt, default=7, help="turns of each candidate")
    add("--seconds", type=PositiveFloat, default=0.5, help="about how long a turn lasts")
    add("--threads", type=PositiveInt | None, help="of torch; its own choice if left out")
    add(
        "--weights", type=str | None, default="words18-small", help="of the whole clips; null: none"
    )
    add("--memory", type=bool, default=True, help="measure memory, in child processes")
    add("--outside", type=bool, default=True, help="DiffWave too, minutes at larger batches")
    add("--quick", action="store_true", help="batches 1 and 8, three short rounds: some minutes")
    given = parser.parse_args(arguments)

    import torch

    from benchmarks.candidates import SIZES
    from benchmarks.machine import machine
    from benchmarks.report import ClipRow, StepRow, clip_table, step_table
    from benchmarks.speed import built, clip_rows, step_rows
    from scoresubnet.files import refuse_unwritable, write_json, write_text
    from scoresubnet.options.registries import find
    from scoresubnet.pipeline import SpeechGenerator

    for preset in given.presets:
        find("preset", preset, SIZES)
    refuse_unwritable(given.out)
    if given.threads:
        torch.set_num_threads(given.threads)
        os.environ["OMP_NUM_THREADS"] = str(given.threads)  # the vocoder's
    if given.quick:
        given.batches = [batch for batch in given.batches if batch <= 8]
        given.rounds, given.seconds = min(given.rounds, 3), min(given.seconds, 0.2)
    timing = (given.rounds, given.seconds)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    facts = machine()
    settings = {key: value for key, value in given.as_dict().items() if key != "out"}
    steps: list[StepRow] = []
    clips: list[ClipRow] = []

    def write() -> str:
        tables = [step_table(steps), *([clip_table(clips)] if clips else [])]
        text = "\n\n".join([f"{facts['processor']}, {facts['threads']} threads", *tables]) + "\n"
        record = {
            "machine": facts,
            "settings": settings,
            "steps": [asdict(row) for row in steps],
            "clips": [asdict(row) for row in clips],
        }
        write_json(given.out / "speed.json", record)
        write_text(given.out / "speed.md", text)
        return text

    candidates = built(given.presets, given.outside)
    for batch in given.batches:
        steps += step_rows(candidates, batch, *timing, given.memory, say)
        steps.sort(key=lambda row: [*given.presets, "published"].index(row.preset))
        write()
    if given.weights:
        generator = SpeechGenerator.from_pretrained(given.weights)
        for batch in given.batches:
            clips += clip_rows(generator, batch, *timing, say)
            write()
    print(write())
    return 0


if __name__ == "__main__":
    sys.exit(main())
