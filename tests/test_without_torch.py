"""Commands that need no torch, in a process that has neither it nor matplotlib."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

BLOCKED = """
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "matplotlib", "lightning", "scipy", "librosa"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nowhere())
"""
COMMAND = """
from scoresubnet.cli import main
sys.exit(main(sys.argv[1:]))
"""
OWN_WORDS = """
from runpy import run_module
run_module("scoresubnet.experiments.own_words", run_name="__main__")
"""


def run(*arguments: object, script: str = COMMAND) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKED + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def report(*arguments: object) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("weights", ["words18-small", "arabic16-small"])
def test_generate(weights: str, tmp_path: Path) -> None:
    word = {"words18-small": "nine", "arabic16-small": "نعم"}[weights]
    found = report("generate", word, "--count", 2, "--weights", weights, "--out", tmp_path)
    assert found["backend"] == "onnx"
    assert [clip["heard"] for clip in found["clips"]] == [clip["label"] for clip in found["clips"]]
    audio, rate = soundfile.read(found["clips"][1]["wav"])
    assert (len(audio), rate) == (16_000, 16_000)
    assert audio.std() > 0.01
    assert Path(found["picture"]).read_bytes().startswith(b"\x89PNG")


def test_vocode(tmp_path: Path) -> None:
    wave = 0.2 * np.sin(np.cumsum(np.linspace(0.05, 0.1, 20_000)))
    soundfile.write(tmp_path / "in.wav", wave, 16_000)
    np.save(tmp_path / "mels.npy", np.zeros((2, 80, 64), np.float32))
    assert report("vocode", tmp_path / "in.wav", tmp_path / "out.wav")
    assert len(soundfile.read(tmp_path / "out.wav")[0]) == 20_000
    assert report("vocode", tmp_path / "mels.npy", tmp_path / "two", "--vocoder", "griffin-lim")
    assert len(list((tmp_path / "two").iterdir())) == 2


def test_what_needs_torch_says_how_to_get_it(tmp_path: Path) -> None:
    done = run("info", "words18-small")
    assert done.returncode == 1
    assert "No module named 'torch'; pip install \"scoresubnet[" in done.stderr
    done = run("generate", "nine", "--backend", "torch", "--out", tmp_path)
    assert done.returncode == 1
    assert 'pip install "scoresubnet[' in done.stderr
    assert not list(tmp_path.iterdir())
    done = run("--data", tmp_path, "--out", tmp_path, script=OWN_WORDS)
    assert done.returncode == 1
    said = "own_words: No module named 'torch'; pip install \"scoresubnet[adapt]"
    assert done.stderr.startswith(said)
