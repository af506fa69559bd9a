"""What the shell offers, and what `--version` tells."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from scoresubnet.cli import main
from scoresubnet.commands.parsers import COMMANDS
from scoresubnet.samplers import SAMPLERS

ASK = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_shtab_scoresubnet scoresubnet "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "bash"
    command = [sys.executable, "-m", "scoresubnet", "--print-completion", "bash"]
    with path.open("w") as file:
        subprocess.run(command, stdout=file, check=True)
    return path


def offered(script: Path, folder: Path, *words: str) -> set[str]:
    command = ["bash", "-c", ASK, "bash", str(script), "scoresubnet", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return {line.strip() for line in done.stdout.splitlines()} - {""}


def test_bash_offers_commands_options_and_names(script: Path, tmp_path: Path) -> None:
    commands = {name for name in COMMANDS if " " not in name}
    assert offered(script, tmp_path, "") >= {*commands, "train", "experiment"}
    assert offered(script, tmp_path, "train", "s") == {"score"}
    assert offered(script, tmp_path, "generate", "--sam") == {"--sampler", "--sampling"}
    assert offered(script, tmp_path, "generate", "nine", "--sampler", "") == {*SAMPLERS}
    assert offered(script, tmp_path, "generate", "se") == {"seven"}
    assert "--run.steps" in offered(script, tmp_path, "train", "score", "--run.st")


def test_bash_offers_files_where_a_path_may_stand(script: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").touch()
    assert offered(script, tmp_path, "info", "mi") == {"mine.safetensors"}
    assert offered(script, tmp_path, "generate", "nine", "--weights", "mi") == {"mine.safetensors"}
    assert offered(script, tmp_path, "generate", "nine", "--count", "mi") == set()


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as status:
        main(["--print-completion", shell])
    assert not status.value.code
    assert "euler-maruyama" in capsys.readouterr().out


def test_without_the_extra_it_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as status:
        main(["--print-completion", "bash"])
    assert status.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("scoresubnet --print-completion: ")
    assert "shtab" in error


def test_the_version_names_what_the_package_ships() -> None:
    code = "import sys\nfrom scoresubnet.cli import main\n"
    code += "try:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
    code += "assert not {'torch', 'onnxruntime'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"scoresubnet {metadata.version('scoresubnet')}",
        "weights: arabic16-small, words18-paper, words18-small",
        "vocoder: pitch-16khz",
        "evaluators: arabic16, words18",
    ]
