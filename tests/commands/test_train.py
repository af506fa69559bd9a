"""`scoresubnet train`, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoresubnet.cli import main


def test_a_folder_that_tensorboard_cannot_write_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = f"[{{kind: folder, root: {tmp_path}}}]"
    arguments = ["train", "classifier", "--config", "small-classifier", "--data.sources", source]
    assert main([*arguments, "--out", str(tmp_path / "l\udcf6uft")]) == 1
    assert "its name is not UTF-8, which TensorBoard needs; rename it" in capfd.readouterr().err
    assert not any(tmp_path.iterdir())
