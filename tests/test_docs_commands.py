"""What the pages tell to type is run, where that takes seconds; the rest is read by its parser.

Trainings, evaluations and benchmarks take minutes to hours: their commands are parsed, in
`test_docs.py` and here, and tests of their own run them on little.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path
from runpy import run_module
from typing import Any

import numpy as np
import pytest
from jsonargparse import ArgumentParser

from scoresubnet.cli import main
from scoresubnet.commands.parsers import LEAVES
from scoresubnet.options.plain_yaml import MODE
from tests.pages import CARDS, PAGES, ROOT, commands, examples, names, shell_lines, text_of

QUICK = ("generate", "vocode", "info", "demo")
MADE_ELSEWHERE = ("runs/", "exported", "words18-paper", "hifigan:", "--weights out", "hf:")
"""What these commands would need from others, or (words18-paper) minutes."""

OTHERS = (  # lines that are no command of this project's, and where they are tested
    r"python3 -m venv \.venv$",
    r"(\.venv/bin/)?pip install ",
    r"npm ci --ignore-scripts$",  # of `make browser-requirements`
    r"node examples/node/generate\.mjs ",  # in tests/browser
    r"export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive$",
    r"(tar -c|cat back-)",  # below
    r"(wav - audio/mel|- samplers) ",  # a drawing
    r"docker (build|run) ",  # in test_container.py
    r"(torchrun|#SBATCH|srun) ",  # what they start is parsed as all is
    r"python tools/ship_",  # how the shipped files were made, of runs that are not here
)
FENCES = {
    "README.md": {"python": 1},
    "docs/adapt.md": {"python": 1},
    "docs/expand.md": {"python": 1},
    "docs/experiments.md": {"yaml": 1},
    "docs/extending.md": {"python": 4},
    "docs/large-jobs.md": {"sh": 7, "yaml": 2},  # in test_docs.py
    "docs/hub.md": {"python": 1},  # the like of it is in test_hub.py, from a server of ours
    # Four runtimes that are not here; the way in JavaScript is tested as examples/node.
    "docs/light.md": {"cpp": 1, "csharp": 1, "java": 1, "js": 1},
    "docs/using.md": {"python": 1, "yaml": 2},
    "docs/vocoder.md": {"python": 1},
}


def quick_commands() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for arguments in commands(page):
            line = shlex.join(arguments)
            served = arguments[0] == "demo" and "--out" not in arguments
            if arguments[0] in QUICK and not served and not any(x in line for x in MADE_ELSEWHERE):
                found[line] = None
    return list(found)


@pytest.fixture(scope="module")
def typed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recordings that the pages speak of."""
    folder = tmp_path_factory.mktemp("pages")
    main(["generate", "seven", "--steps", "4", "--out", str(folder / "recordings")])
    (folder / "recording.wav").write_bytes((folder / "recordings/seven.wav").read_bytes())
    np.save(folder / "mels.npy", np.zeros((2, 80, 64), np.float32))
    return folder


@pytest.mark.parametrize("line", quick_commands())
def test_quick_commands_run(
    line: str,
    typed_in: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As they are typed, but for the steps of the sampler."""
    monkeypatch.chdir(typed_in)
    arguments = shlex.split(line)
    if "--help" in line:
        with pytest.raises(SystemExit, match="0"):
            main(arguments)
    else:
        few = ["--steps", "2"] if arguments[0] == "generate" else []
        assert main([*arguments, *few]) == 0
    assert capsys.readouterr().out


class Parsed(Exception):
    """Raised instead of what would follow."""


def modules() -> list[str]:
    lines = [line for page in [*PAGES, *CARDS.values()] for line in shell_lines(page)]
    found = (
        re.search(r"python -m ((?:scoresubnet|benchmarks|tools)\b.*)$", line) for line in lines
    )
    return list(dict.fromkeys(match[1] for match in found if match))


@pytest.mark.parametrize("line", modules())
def test_commands_of_modules_parse(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopping(parser: type[argparse.ArgumentParser]) -> None:
        parse = parser.parse_args

        def parse_args(self: Any, *given: Any, **options: Any) -> None:
            parse(self, *given, **options)
            raise Parsed

        monkeypatch.setattr(parser, "parse_args", parse_args)

    monkeypatch.chdir(ROOT)
    name, *arguments = shlex.split(line, comments=True)
    stopping(argparse.ArgumentParser)
    stopping(ArgumentParser)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    if not hasattr(sys.modules.get(name), "__path__"):
        monkeypatch.delitem(sys.modules, name, raising=False)  # runpy warns of modules there
    with pytest.raises(Parsed):
        run_module(name, run_name="__main__")


@pytest.mark.parametrize("page", [*PAGES, *CARDS.values()], ids=names)
def test_nothing_else_is_told_to_type(page: Path) -> None:
    """A new kind of line or block needs a test, and a place above."""
    own = r"((\S*bin/)?scoresubnet|make|(\.venv/bin/)?python -m) "
    for line in shell_lines(page):
        assert re.match(own, line) or any(re.match(known, line) for known in OTHERS), line
    languages = re.findall(r"^```(\w+)$", text_of(page), flags=re.M)
    assert {name: languages.count(name) for name in languages} == FENCES.get(names(page), {})


def test_configs_of_using_are_read(tmp_path: Path) -> None:
    own, aliases = examples("using.md", "yaml")
    (tmp_path / "score.yaml").write_text(own)
    (tmp_path / "classifier.yaml").write_text(f"base: small-classifier\n{aliases}", "utf-8")
    read = {}
    for kind, more in (("score", ["--classifier", "runs/c"]), ("classifier", [])):
        parser = LEAVES[f"train {kind}"](ArgumentParser(exit_on_error=False, parser_mode=MODE))
        given = ["--config", str(tmp_path / f"{kind}.yaml"), "--out", "runs/x", *more]
        read[kind] = parser.parse_args(given)
    assert read["score"].run.steps == 4000
    assert [vars(source) for source in read["score"].data.sources] == [
        {"kind": "folder", "root": "my-words"}
    ]
    assert read["classifier"].aliases == {"صفر": "sifr", "لا": "la"}


def test_a_run_travels_as_experiments_says(tmp_path: Path) -> None:
    pack, unpack = (
        line
        for line in shell_lines(ROOT / "docs/experiments.md")
        if line.startswith(("tar -c", "cat back-"))
    )
    there, here = tmp_path / "there/runs/sc12-small", tmp_path / "here/runs/sc12-small"
    (there / "models/a").mkdir(parents=True)
    (there / "classifier").mkdir()
    (there / "models/a/model.safetensors").write_bytes(b"weights")
    (there / "models/a/last.ckpt").write_bytes(b"state")
    here.mkdir(parents=True)
    subprocess.run(["bash", "-c", pack], cwd=tmp_path / "there", check=True)
    for piece in (tmp_path / "there").glob("back-*"):
        piece.rename(tmp_path / "here" / piece.name)
    subprocess.run(["bash", "-c", unpack], cwd=tmp_path / "here", check=True)
    assert (here / "models/a/model.safetensors").read_bytes() == b"weights"
    assert not (here / "models/a/last.ckpt").exists()
