"""Build sdist and wheel, install the wheel with its requirements alone, and speak a word.

The index would take both, and the sdist makes the same wheel. The new environment takes the
requirements from the one that runs this, by links: nothing is downloaded, and a package that the
wheel forgets to ask for is missing there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import wave
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "scoresubnet"
WORD, RATE = "seven", 16000


PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        sdist, wheel = build(folder)
        check_files(wheel)
        check_sdist(sdist, wheel, folder / "again")

        venv.create(folder / "env", symlinks=True, with_pip=False)
        python = folder / "env" / "bin" / "python"
        install = ["--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
        subprocess.run([*PIP, *install], check=True)
        (site,) = (folder / "env" / "lib").glob("python*/site-packages")
        (info,) = site.glob(f"{PACKAGE}-*.dist-info")
        link_requirements(PathDistribution(info), site)
        speak(python, folder / "home", site)
    print(f"{wheel.name} speaks outside the checkout")


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist and the wheel of this checkout, which the package index would take."""
    targets = ["-t", "sdist", "-t", "wheel", "-d", str(folder)]
    _quietly("hatchling", "build", *targets)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    _quietly("twine", "--no-color", "check", "--strict", str(sdist), str(wheel))
    return sdist, wheel


def _quietly(module: str, *arguments: str) -> None:
    """Run a module in the checkout, and show what it prints only if it fails."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{module} fails:\n{done.stdout}{done.stderr}")


def check_sdist(sdist: Path, wheel: Path, folder: Path) -> None:
    """Refuse an sdist that makes another wheel than the checkout does."""
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*PIP, "wheel", *options, str(sdist)], check=True)
    (again,) = folder.glob("*.whl")
    packed, repacked = (
        {(i.filename, i.CRC) for i in ZipFile(w).infolist()} for w in (wheel, again)
    )
    if packed != repacked:
        names = sorted({name for name, _ in packed ^ repacked})
        sys.exit(f"{sdist.name} makes another wheel than the checkout, in {names}")


def check_files(wheel: Path) -> None:
    """Refuse a wheel that lacks a file of the package, or holds another."""
    source = ROOT / "src"
    there = {
        str(path.relative_to(source))
        for path in (source / PACKAGE).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if packed != there:
        sys.exit(
            f"{wheel.name} is not the package: it lacks {sorted(there - packed)} and holds "
            f"{sorted(packed - there)}; see [tool.hatch] in pyproject.toml and .gitignore"
        )


def link_requirements(package: Distribution, site: Path) -> None:
    """Link into `site` all that `package` asks for, without extras, and what that asks for."""
    waiting, seen = [(package, "")], {(PACKAGE, "")}
    while waiting:
        asking, extra = waiting.pop()
        for requirement in map(Requirement, asking.requires or ()):
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            wanted = distribution(requirement.name)
            for path in {file.parts[0] for file in wanted.files or ()} - {"..", "__pycache__"}:
                if not (site / path).exists():
                    (site / path).symlink_to(Path(str(wanted.locate_file(path))))
            for name in {"", *requirement.extras}:
                if (wanted.name, name) not in seen:
                    seen.add((wanted.name, name))
                    waiting.append((wanted, name))


def speak(python: Path, home: Path, site: Path) -> None:
    """Run the installed command away from the checkout.

    Args:
        python: of an environment that the wheel is installed in.
        home: a new folder, the home of whom the command is run by.
        site: where that environment has its packages.
    """
    home.mkdir()
    # Without the caller's PYTHONPATH and caches; with its threads.
    threads = {key: value for key, value in os.environ.items() if key.startswith("OMP_")}
    settings = {"cwd": home, "env": {**threads, "HOME": str(home), "PATH": os.defpath}}

    def output(*command: str) -> str:
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **settings)  # type: ignore[call-overload]
        return str(done.stdout).strip()

    where = output(str(python), "-c", f"import {PACKAGE} as p; print(p.__file__)")
    if where != str(site / PACKAGE / "__init__.py"):
        sys.exit(f"{PACKAGE} is imported from {where}, not from the wheel")
    output(str(python.with_name(PACKAGE)), "generate", WORD, "--out", "spoken", "--json")
    with wave.open(str(home / "spoken" / f"{WORD}.wav")) as sound:
        frames = sound.readframes(sound.getnframes())
        if (sound.getframerate(), sound.getnframes()) != (RATE, RATE) or not any(frames):
            sys.exit(f"the wheel speaks {sound.getparams()}, or silence; a second is wanted")


if __name__ == "__main__":
    main()
