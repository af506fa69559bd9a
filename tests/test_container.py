"""The Dockerfile, as far as it can be held against the project without docker."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_context_has_all_that_the_wheel_is_made_of() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    project, wheel = PROJECT["project"], PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    packages = {path.partition("/")[0] for path in wheel["packages"]}
    assert let_in == {"pyproject.toml", project["readme"], *project["license-files"], *packages}


def test_its_python_is_one_that_the_package_names() -> None:
    (version,) = set(re.findall(r"^FROM python:(\S+)-slim", DOCKERFILE, flags=re.M))
    assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]


def test_the_page_runs_the_image_that_the_file_tells_of() -> None:
    """As a user of any number, into a folder of the caller's."""
    told = (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
    build, run = re.findall(r"^#? +(docker .*)$", DOCKERFILE, flags=re.M)
    for line in (build, run):
        assert f"    {line}\n" in told
    image = shlex.split(build)[shlex.split(build).index("-t") + 1]
    words = shlex.split(run)
    entry = re.search(r'^ENTRYPOINT \["(\w+)"\]$', DOCKERFILE, flags=re.M)
    assert entry is not None
    assert entry[1] in PROJECT["project"]["scripts"]
    assert words[words.index(image) + 1] == "generate"
    assert {"--user", "-v"} < set(words)
