"""Files of log-Mels, as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.vocoders import GriffinLim
from tests.commands.vocode.typed import files, save, vocode


@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_log_mels_become_the_vocoders_waveform(tmp_path: Path, x: Tensor, kind: str) -> None:
    path = tmp_path / f"mels.{kind}"
    if kind == "npy":
        np.save(path, x.numpy())
    else:
        metadata = {"mel_hash": MelSettings().hash}
        safetensors.torch.save_file({"mels": x, "seeds": torch.ones(3)}, path, metadata)
    assert vocode(path, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["mels-0.wav", "mels-1.wav", "mels-2.wav"]
    expected = GriffinLim(iterations=2)(x.numpy())
    for k in range(3):
        written, rate = soundfile.read(tmp_path / "out" / f"mels-{k}.wav", dtype="float32")
        assert rate == 16_000
        np.testing.assert_allclose(written, expected[k], rtol=0, atol=1 / 32_000)


def test_one_log_mel_may_name_its_file(tmp_path: Path, x: Tensor) -> None:
    np.save(tmp_path / "one.npy", x[0, 0].numpy())
    assert vocode(tmp_path / "one.npy", tmp_path / "b.wav") == 0
    assert vocode(tmp_path / "one.npy", tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["one.wav"]
    assert (tmp_path / "out" / "one.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_numbers_sort(tmp_path: Path, x: Tensor) -> None:
    np.save(tmp_path / "many.npy", x[:1, :, :, :4].repeat(11, 1, 1, 1).numpy())
    assert vocode(tmp_path / "many.npy", tmp_path / "out") == 0
    assert files(tmp_path / "out") == [f"many-{k:02}.wav" for k in range(11)]


def test_several_log_mels_need_a_folder(
    tmp_path: Path, x: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "mels.npy", x.numpy())
    assert vocode(tmp_path / "mels.npy", tmp_path / "b.wav") == 1
    assert "holds 3 log-Mels; OUT must be a folder" in capsys.readouterr().err


def test_a_numbered_name_takes_no_ones_place(
    tmp_path: Path, x: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    mels = tmp_path / "mels"
    save(mels / "a-1.wav")
    np.save(mels / "a.npy", x.numpy())
    assert vocode(mels, tmp_path / "out") == 0
    assert files(tmp_path / "out") == ["a-1.wav"]
    assert "is an input or made of one" in capsys.readouterr().err
