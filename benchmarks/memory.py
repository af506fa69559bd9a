"""Most memory that a process uses which takes one reverse step and does nothing else."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.candidates import Candidate

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Peak:
    """Largest resident set, in MiB.

    Attributes:
        built: before the first step: Python, torch and the weights.
        stepped: after a step.
    """

    built: float
    stepped: float


def peak_of(candidate: Candidate, batch: int, threads: int) -> Peak:
    """The peak of a child process that builds the candidate and takes a step.

    Raises:
        RuntimeError: the child failed; the message holds what it said.
    """
    order = json.dumps({"candidate": asdict(candidate), "batch": batch, "threads": threads})
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", order],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        raise RuntimeError(f"{candidate.name}, batch {batch}: {child.stderr.strip()[-2000:]}")
    return Peak(**json.loads(child.stdout))


def resident_mib() -> float:
    """The largest resident set of this process so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # not getrusage, which on Linux counts the parent before the exec as well
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main(order: str) -> None:
    """The work of the child."""
    import torch

    given = json.loads(order)
    torch.set_num_threads(given["threads"])
    step = Candidate(**given["candidate"]).build()(given["batch"])
    built = resident_mib()
    step()
    print(json.dumps(asdict(Peak(built, resident_mib()))))


if __name__ == "__main__":
    main(sys.argv[1])
