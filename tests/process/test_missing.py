"""What to install where something is missing, and silence about what is not ours."""

from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scoresubnet.cli import main
from scoresubnet.process.missing import hint

TRAIN = '; pip install "scoresubnet[train]"'
EXPERIMENT = '; pip install "scoresubnet[experiment]"'


def missing(name: str | None) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    ("module", "command", "expected"),
    [
        ("lightning", "train", TRAIN),
        ("librosa", "train", TRAIN),
        ("librosa", "evaluate", '; pip install "scoresubnet[evaluate]"'),
        ("livekit", "evaluate", '; pip install "scoresubnet[evaluate]"'),
        ("transformers", "vocode", '; pip install "scoresubnet[hifigan]"'),
        ("ctranslate2", "evaluate", '; pip install "scoresubnet[whisper]"'),
        ("torch", "train", TRAIN),
        ("torch", "info", '; pip install "scoresubnet[torch]"'),
        ("onnxscript", "export", '; pip install "scoresubnet[export]"'),
        ("torch", "experiment", EXPERIMENT),
        ("lightning", "experiment", EXPERIMENT),
        ("matplotlib", "experiment", EXPERIMENT),
        ("PIL", "generate", "; pip install scoresubnet"),
        ("yaml", "generate", "; pip install scoresubnet"),
        ("onnxruntime", "generate", "; pip install scoresubnet"),
        ("soxr", "generate", "; pip install scoresubnet"),
        ("torchmetrics", "train", ""),  # of lightning
        ("lightning.pytorch", "train", ""),  # lightning is there, but broken
        ("scoresubnet.training", "train", ""),
        ("hatchling", "train", ""),  # of the tests alone
        (None, "train", ""),
    ],
)
def test_the_hint_is_the_extra_that_brings_the_module(
    module: str | None, command: str, expected: str
) -> None:
    assert hint(missing(module), command) == expected


@pytest.mark.parametrize(("module", "expected"), [("lightning", TRAIN), ("torchmetrics", "")])
def test_a_command_names_what_is_missing(
    module: str,
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def import_module(name: str) -> None:
        raise missing(module)

    monkeypatch.setattr("scoresubnet.cli.import_module", import_module)
    assert main(["info", "small"]) == 1
    assert capsys.readouterr().err == f"scoresubnet info: No module named {module!r}{expected}\n"


@pytest.mark.parametrize("version", ["2.6.2", "2.6.3", "2.6.5"])
def test_versions_of_lightning_that_run_foreign_code_are_refused(version: str) -> None:
    """GHSA-w37p-236h-pfx3 and GHSA-qqmf-gpg7-g8gw."""
    root = Path(__file__).parents[2]
    lines = (root / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    (line,) = [line.strip(' ",') for line in lines if line.startswith('    "lightning')]
    assert not Requirement(line).specifier.contains(version)
    assert Requirement(line).specifier.contains(metadata.version("lightning"))
