"""Install the wheel with each Python there is, from the package index, and speak a word.

    .venv/bin/python -m tools.check_pythons                    # of the classifiers, and the next
    .venv/bin/python -m tools.check_pythons /opt/python3.14    # these alone

What the wheel asks for comes from the index, without extras, so this needs a network. The exit
status is 1 if one of them fails, and 2 if there is none; those that are not to be had are named.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools.check_wheel import ROOT, build, speak

SHOWN = ("numpy", "onnxruntime")
QUIET = ("--quiet", "--disable-pip-version-check")


def main(given: list[str]) -> int:
    found = dict.fromkeys(given) if given else _of_classifiers()
    failed, tried = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        _, wheel = build(folder)
        for number, (called, python) in enumerate((k, v or k) for k, v in found.items()):
            if not python_version(python):
                print(f"{called}: not to be had")
                continue
            tried += 1
            try:
                told = _speaks(python, wheel, folder / str(number))
            except (subprocess.CalledProcessError, SystemExit) as error:
                failed.append(called)
                print(f"{called}: FAILED: {error}\n{getattr(error, 'stderr', None) or ''}")
            else:
                print(f"{called}: {told}", flush=True)
    return 2 if not tried else int(bool(failed))


def _of_classifiers() -> dict[str, str | None]:
    """Each version of Python that the package says it runs on, the next one, and where they are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    minors = [
        int(minor) for minor in re.findall(r"Python :: 3\.(\d+)'", str(project["classifiers"]))
    ]
    versions = [f"3.{minor}" for minor in (*minors, max(minors) + 1)]
    return {version: next(_candidates(version), f"python{version}") for version in versions}


def _candidates(version: str) -> Iterator[str]:
    """Where a Python of this version works: of pyenv, the newest first, or on the path."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = (root / "versions").glob(f"{version}.*")
    newest = sorted(folders, key=lambda folder: folder.name.rpartition(".")[2].zfill(4))[::-1]
    on_path = shutil.which(f"python{version}")
    for python in (*(str(folder / "bin/python") for folder in newest), *filter(None, [on_path])):
        if python_version(python).startswith(f"{version}."):
            yield python


def python_version(python: str) -> str:
    """Such as "3.12.1"; nothing if there is no Python."""
    code = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _speaks(python: str, wheel: Path, folder: Path) -> str:
    """What was installed, after a word was spoken with it.

    Raises:
        CalledProcessError: something cannot be installed, or run.
        SystemExit: the sound is none.
    """
    ours = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}

    def run(*command: str) -> str:
        done = subprocess.run(command, env=ours, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run(python, "-m", "venv", str(folder / "env"))
    own = folder / "env" / "bin" / "python"
    run(str(own), "-m", "pip", *QUIET, "install", str(wheel))
    site = run(str(own), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    speak(own, folder / "home", Path(site))
    code = f"from importlib.metadata import version as v; print(*(n + ' ' + v(n) for n in {SHOWN}))"
    return f"speaks with Python {python_version(str(own))} {run(str(own), '-c', code)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
