"""The README's Python runs, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scoresubnet.cli import LEAVES
from scoresubnet.training.config_files import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "torch.Size([2, 16000]) 16000" in printed


def test_its_commands_configs_and_make_targets_exist() -> None:
    commands = re.findall(r"scoresubnet ((?:train )?[a-z]+) ", README)
    assert {"generate", "train classifier", "train score", "vocode", "info"} <= set(commands)
    assert set(re.findall(r"bin/scoresubnet ((?:train )?\w+)", README)) <= set(LEAVES)
    for name in re.findall(r"--config (\S+?)[`\s]", README):
        assert name in SHIPPED or (ROOT / name).is_file(), name
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make ([a-z-]+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
