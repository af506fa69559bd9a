"""As in a container: an unknown user without a home, and the image's own files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import soundfile
from jsonargparse import ArgumentParser

from scoresubnet.commands.parsers import LEAVES
from tests.pages import ROOT, shell_lines

NOWHERE = "/dev/null/home"  # not even root can make it
STRANGER = 12345
SPEAK = ("-m", "scoresubnet", "generate", "seven", "--steps", "2", "--out")


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return kept | more


def speak(out: Path, variables: Mapping[str, str], user: int | None = None) -> None:
    command = [sys.executable, *SPEAK, str(out)]
    groups: list[int] | None = None if user is None else []
    done = subprocess.run(
        command,
        env=variables,
        cwd="/",
        user=user,
        group=user,
        extra_groups=groups,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "onnxruntime" not in done.stderr
    assert len(soundfile.read(out / "seven.wav")[0]) == 16_000
    assert sorted(path.name for path in out.iterdir()) == ["seven.png", "seven.wav"]


def test_it_speaks_without_a_home(tmp_path: Path) -> None:
    speak(tmp_path / "out", environment(HOME=NOWHERE))


def test_it_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    """onnxruntime would, and tell its makers: see `scoresubnet/__init__.py`."""
    (tmp_path / "home").mkdir()
    speak(tmp_path / "out", environment(HOME=str(tmp_path / "home")))
    assert not list((tmp_path / "home").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_whom_nobody_knows() -> None:
    try:
        subprocess.run(
            [sys.executable, "-c", "import scoresubnet"],
            env=environment(),
            user=STRANGER,
            group=STRANGER,
            extra_groups=[],
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this Python lies where others may not read")
    with tempfile.TemporaryDirectory() as folder:  # pytest's are closed to others
        os.chown(folder, STRANGER, STRANGER)
        speak(Path(folder) / "out", environment(), user=STRANGER)


def test_what_the_user_says_of_telemetry_stays() -> None:
    code = "import os, scoresubnet; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for variables, expected in (({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(**variables),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected


def test_the_image_gets_what_the_wheel_is_made_of() -> None:
    given = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in given if line.startswith("!")}
    assert all((ROOT / name).exists() for name in sent)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    read = re.findall(r'^(?:readme|license-files|packages) = \[?"([^"/]+)', project, flags=re.M)
    assert len(read) == 3
    assert sent == {"pyproject.toml", *read}


def test_commands_of_the_docs_are_of_the_image() -> None:
    lines = [line for line in shell_lines(ROOT / "docs/using.md") if line.startswith("docker run")]
    assert len(lines) == 2
    for line in lines:
        _, _, command = line.partition(" scoresubnet ")
        name, *rest = shlex.split(command)
        LEAVES[name](ArgumentParser(exit_on_error=False)).parse_args(rest)
