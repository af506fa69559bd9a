"""The program: its streams, and how its threads wait."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

PYTHON_M = [sys.executable, "-m", "scoresubnet"]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def test_python_m_is_the_command_and_says_so() -> None:
    done = subprocess.run([*PYTHON_M, "generate"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: scoresubnet generate ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["generate", "--help"]])
def test_a_pipe_that_closes_early_is_no_error(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*PYTHON_M, *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=BUFFERED, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_clips_are_made_without_any_stream(weights: str, tmp_path: Path) -> None:
    def close() -> None:
        for number in range(3):
            os.close(number)

    out = tmp_path / "out"
    arguments = ["generate", "yes", "--steps", "2", "--weights", weights, "--out", str(out)]
    assert subprocess.run([*PYTHON_M, *arguments], preexec_fn=close, check=False).returncode == 0
    assert sorted(path.name for path in out.iterdir()) == ["yes.png", "yes.wav"]
    assert soundfile.info(out / "yes.wav").frames == 16_000


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ("3000", "")),
        ({"GOMP_SPINCOUNT": "7"}, ("7", "")),
        ({"OMP_WAIT_POLICY": "active"}, ("", "active")),
    ],
)
def test_threads_spin_briefly_from_the_first_unless_told_otherwise(
    given: dict[str, str], found: tuple[str, str]
) -> None:
    """OpenMP reads its settings when torch is loaded."""
    program = (
        "import os, sys\n"
        "names = 'GOMP_SPINCOUNT', 'OMP_WAIT_POLICY'\n"
        "class Loading:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'torch':\n"
        "            sys.exit(' '.join(os.environ.get(k, '-') for k in names))\n"
        "sys.meta_path.insert(0, Loading())\n"
        "from scoresubnet.cli import main\n"
        "main(['info', 'small'])"
    )
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=plain | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == " ".join(value or "-" for value in found)
