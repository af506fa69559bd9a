"""`python -m benchmarks.long_recordings`: memory and time of `vocode`, by the length of a sound."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveInt

from benchmarks.memory import ROOT, resident_mib


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.long_recordings", description=__doc__)
    parser.add_argument("--seconds", nargs="+", type=PositiveInt, default=[60, 600])
    parser.add_argument("--vocoder", type=str, default="pitch")
    given = parser.parse_args(arguments)
    for seconds in given.seconds:
        order = json.dumps([seconds, given.vocoder])
        command = [sys.executable, "-m", "benchmarks.long_recordings", "--child", order]
        child = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        peak, taken = json.loads(child.stdout.splitlines()[-1])
        print(f"{seconds} s of sound: at most {peak:.0f} MiB, {taken:.1f} s")
    return 0


def vocode(seconds: int, vocoder: str) -> None:
    """The work of the child: a voice of so many seconds, from file to file."""
    import numpy as np

    from scoresubnet.audio.io import write_wav
    from scoresubnet.cli import main as scoresubnet

    time_of = np.arange(16_000) / 16_000
    voice = sum(0.1 / k * np.sin(2 * np.pi * 120 * k * time_of) for k in range(1, 20))
    with TemporaryDirectory() as folder:
        source, out = Path(folder) / "long.wav", Path(folder) / "out.wav"
        write_wav(source, np.tile(np.float32(voice), seconds))
        start = time.perf_counter()
        if scoresubnet(["vocode", str(source), str(out), "--vocoder", vocoder, "--json"]):
            sys.exit(1)
    print(json.dumps([resident_mib(), time.perf_counter() - start]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        vocode(*json.loads(sys.argv[2]))
    else:
        sys.exit(main())
