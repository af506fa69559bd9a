"""What is freed is taken again without the system."""

import os
import subprocess
import sys

import pytest

SET = """
from scoresubnet.process.allocator import keep_freed_memory
print(keep_freed_memory())
"""
PROGRAM = """
import resource, sys
import torch
from scoresubnet.process.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    print(keep_freed_memory())
for _ in range(20):
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24)  # 64 MiB, more than malloc keeps by itself
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(program: str, *arguments: str, **environment: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has the switches")
def test_large_blocks_are_taken_from_the_system_once() -> None:
    (plain,) = map(int, run(PROGRAM, "plain"))
    was_set, faults = run(PROGRAM, "keep")
    if was_set == "False":
        pytest.skip("no glibc")
    assert int(faults) < 0.2 * plain
    assert run(SET, MALLOC_ARENA_MAX="1") == ["False"]
