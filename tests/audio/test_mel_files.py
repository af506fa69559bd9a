"""Log-Mels from files, and what else such files hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.audio.mel_files import MelFileError, read_mels

SETTINGS = MelSettings()


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return 2 * torch.rand(3, 1, 80, 20, generator=torch.Generator().manual_seed(0)) - 1


def npy(folder: Path, array: Any) -> Path:
    np.save(folder / "mels.npy", array)
    return folder / "mels.npy"


def test_every_documented_shape_is_read(tmp_path: Path, x: torch.Tensor) -> None:
    for stored in (x, x.squeeze(1)):
        assert np.array_equal(read_mels(npy(tmp_path, stored.numpy()), SETTINGS), x)
    for stored in (x[0, 0], x[0], x[:1]):
        assert np.array_equal(read_mels(npy(tmp_path, stored.numpy()), SETTINGS), x[:1])


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_every_float_becomes_float32(tmp_path: Path, x: torch.Tensor, dtype: str) -> None:
    read = read_mels(npy(tmp_path, x.numpy().astype(dtype)), SETTINGS)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, x, rtol=0, atol=1e-3)


def test_fortran_order_is_not_a_transpose(tmp_path: Path, x: torch.Tensor) -> None:
    assert np.array_equal(read_mels(npy(tmp_path, np.asfortranarray(x.numpy())), SETTINGS), x)


@pytest.mark.parametrize(
    "names", [["anything"], ["mels"], ["mels", "audio"], ["labels", "x", "seeds"]]
)
def test_safetensors_hold_one_tensor_or_a_named_one(
    tmp_path: Path, x: torch.Tensor, names: list[str]
) -> None:
    tensors = {name: x if name in ("anything", "mels", "x") else torch.ones(3) for name in names}
    path = tmp_path / "mels.safetensors"
    safetensors.torch.save_file(tensors, path, {"mel_hash": SETTINGS.hash})
    assert np.array_equal(read_mels(path, SETTINGS), x)


@pytest.mark.parametrize("names", [[], ["a", "b"], ["mels", "x"]])
def test_other_safetensors_are_refused(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "mels.safetensors"
    safetensors.torch.save_file({name: torch.zeros(80, 20) for name in names}, path)
    with pytest.raises(MelFileError, match=r"mels\.safetensors: holds .*named mels or x"):
        read_mels(path, SETTINGS)


def test_other_settings_are_refused(tmp_path: Path, x: torch.Tensor) -> None:
    path = tmp_path / "mels.safetensors"
    safetensors.torch.save_file({"x": x}, path, {"mel_hash": MelSettings(f_min=20.0).hash})
    with pytest.raises(MelFileError, match=rf"made with other settings.*not {SETTINGS.hash}"):
        read_mels(path, SETTINGS)


def test_rounding_beyond_the_range_is_clamped(tmp_path: Path, x: torch.Tensor) -> None:
    read = read_mels(npy(tmp_path, 1.0009 * x.sign().numpy()), SETTINGS)
    assert np.array_equal(read, x.sign())


@pytest.mark.parametrize("low_high", [(-11.5, 2.0), (-1.0, 1.1), (-1.1, 1.0)])
def test_another_scale_is_refused_with_ours(
    tmp_path: Path, x: torch.Tensor, low_high: tuple[float, float]
) -> None:
    low, high = low_high
    stored = low + (x - x.min()) / (x.max() - x.min()) * (high - low)
    with pytest.raises(MelFileError, match=rf"between {low:.2f} and {high:.2f}.*LogMel\(\)\.scale"):
        read_mels(npy(tmp_path, stored.numpy()), SETTINGS)


@pytest.mark.parametrize(
    "shape",
    [(), (80,), (20, 80), (3, 20, 80), (3, 2, 80, 20), (0, 80, 20), (80, 3), (1, 1, 1, 80, 20)],
)
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(MelFileError, match=r"bands before frames, T >= 4") as caught:
        read_mels(npy(tmp_path, np.zeros(shape)), SETTINGS)
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((80, 20), np.nan), "NaN or infinite"),
        (np.full((80, 20), np.inf), "NaN or infinite"),
        (np.zeros((80, 20), np.int16), "int16"),
        (np.zeros((80, 20), bool), "bool"),
        (np.zeros((80, 20), complex), "complex128"),
        (np.zeros((80, 20), object), "Python objects"),
    ],
)
def test_other_numbers_are_refused(tmp_path: Path, array: Any, message: str) -> None:
    with pytest.raises(MelFileError, match=rf"(?s)mels\.npy: .*({message})"):
        read_mels(npy(tmp_path, array), SETTINGS)


@pytest.mark.parametrize("content", ["array", "text", "empty"])
def test_no_reason_advises_unsafe_loading(tmp_path: Path, content: str) -> None:
    path = npy(tmp_path, np.zeros((80, 20), object))
    if content != "array":
        path.write_text({"text": "no array", "empty": ""}[content])
    with pytest.raises(MelFileError) as caught:
        read_mels(path, SETTINGS)
    assert "pickle" not in str(caught.value)
    assert ("holds Python objects, not an array" in str(caught.value)) == (content != "empty")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MelFileError, match=r"absent\.npy: there is no such file"):
        read_mels(tmp_path / "absent.npy", SETTINGS)


@pytest.mark.parametrize("name", ["broken.npy", "zip.npy", "broken.safetensors"])
def test_unreadable_files_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY and no array")
    (tmp_path / "broken.safetensors").write_text(json.dumps({"x": 1}))
    with (tmp_path / "zip.npy").open("wb") as file:
        np.savez(file, x=np.zeros((80, 20)))
    with pytest.raises(MelFileError, match=rf"{name}: not a readable \.(npy|safetensors) file"):
        read_mels(tmp_path / name, SETTINGS)


@pytest.mark.parametrize(
    "shape", ["(3, 80, 20)", f"({10**9}, 80, 20)", f"({10**18}, 80, 20)", f"({10**30},)", "((" * 50]
)
@pytest.mark.filterwarnings("error")
def test_a_header_that_claims_more_than_there_is_is_named(tmp_path: Path, shape: str) -> None:
    path = npy(tmp_path, np.zeros((80, 20), np.float32))
    content = path.read_bytes()
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    path.write_bytes(content[:10] + header.ljust(117).encode() + b"\n" + content[128:])
    with pytest.raises(MelFileError, match=r"mels\.npy: not a readable \.npy file"):
        read_mels(path, SETTINGS)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no kernel"), KeyError("F4")])
def test_whatever_a_reader_throws_is_named(
    tmp_path: Path, x: torch.Tensor, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(np, "load", fail)
    with pytest.raises(MelFileError, match=r"mels\.npy: not a readable \.npy file \(\S+"):
        read_mels(npy(tmp_path, x.numpy()), SETTINGS)
