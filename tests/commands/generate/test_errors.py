"""What goes wrong is said in a line; a mistake of ours is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.cli import main
from scoresubnet.pipeline import SpeechGenerator


def _generate(*arguments: str | Path) -> int:
    return main(["generate", "--steps", "2", *map(str, arguments)])


def _nested() -> object:
    return json.loads("[" * 10**6)


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        (lambda: np.empty(2**52), "not enough memory (Unable to allocate"),
        (lambda: torch.empty(2**52), "not enough memory ("),
        (
            lambda: _raise(RuntimeError("could not create a primitive")),
            "not enough memory (could not create",
        ),
        (_nested, "nested too deeply"),
        (
            lambda: _raise(torch.OutOfMemoryError("CUDA out of memory.\nA stack")),
            "not enough memory",
        ),
        (lambda: _raise(RuntimeError("CUDA error: busy\nA stack")), "the GPU cannot be used"),
        (lambda: _raise(RuntimeError("CUDA error: an illegal memory access")), "the GPU cannot be"),
        (lambda: _raise(RuntimeError("can't start new thread")), "no more threads"),
        (lambda: _raise(ValueError("a type 'a\nb' in a header")), "a type 'a b' in a header"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    fail: Callable[[], object],
    message: str,
    weights: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SpeechGenerator, "stream", lambda *arguments: fail())
    assert _generate("yes", "--weights", weights, "--out", tmp_path, "--json") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("scoresubnet generate: ")
    assert message in line


def test_a_mistake_of_ours_keeps_its_traceback(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    monkeypatch.setattr(SpeechGenerator, "stream", lambda *arguments: _raise(error))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        _generate("yes", "--weights", weights, "--out", tmp_path)


def _raise(error: Exception) -> None:
    raise error
