"""The public API and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import scoresubnet

HEAVY = {"torch", "lightning", "matplotlib", "PIL", "scipy", "soundfile", "transformers"}


def _modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_public_names_are_frozen() -> None:
    assert scoresubnet.__all__ == [
        "VPSDE",
        "FrozenClassifier",
        "GeneratedSpeech",
        "LogMel",
        "MelSettings",
        "Sampling",
        "ScoreModel",
        "SpeechGenerator",
        "adapt",
        "load_model",
        "save_model",
    ]


@pytest.mark.parametrize("name", scoresubnet.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(scoresubnet, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Speaker"):
        _ = scoresubnet.Speaker


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not _modules_after("import scoresubnet") & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["generate", "--help"], ["vocode", "--help"], ["train", "--help"]],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    statement = (
        "import contextlib, io\nfrom scoresubnet.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):\n"
        f"    main({arguments!r})\nassert 'usage: scoresubnet' in out.getvalue(), out.getvalue()"
    )
    assert not _modules_after(statement) & HEAVY


def test_generate_loads_no_package_of_an_extra() -> None:
    loaded = _modules_after("import scoresubnet.commands.generate")
    assert not loaded & {"lightning", "librosa", "matplotlib", "scipy", "transformers"}


def test_the_registry_of_vocoders_does_not_load_their_packages() -> None:
    loaded = _modules_after("import scoresubnet.vocoders")
    assert not loaded & {"transformers", "huggingface_hub", "soundfile", "yaml"}
