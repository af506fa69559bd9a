"""Files that are damaged or foreign are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weights import load_model
from tests.weights.rewriting import change_json, rewrite


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"{tmp_path}/absent: no such file.*shipped: "):
        load_model(tmp_path / "absent")
    with pytest.raises(WeightsError, match=f"{tmp_path}: no model here.*model.safetensors"):
        load_model(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_file_is_refused(share: float, saved: Path) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WeightsError, match=f"{saved}: not a readable safetensors file"):
        load_model(saved)


def test_other_kinds_of_files_are_refused(saved: Path) -> None:
    saved.write_bytes(b"PK\x03\x04" + bytes(1000))
    with pytest.raises(WeightsError, match=f"{saved}: not a readable"):
        load_model(saved)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "scoresubnet/99"}])
def test_foreign_safetensors_are_refused(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"weight": torch.ones(2)}, path, metadata)
    with pytest.raises(WeightsError, match=rf"{path}: format .*, expected 'scoresubnet/1'"):
        load_model(path)


def drop(tensors: dict[str, Tensor], name: str) -> None:
    del tensors[name]


DAMAGE: dict[str, tuple[Callable[[dict[str, Tensor]], Any], str]] = {
    "missing": (lambda t: drop(t, "subnet.head.conv.bias"), "1 tensors missing, 0 foreign, 0 of"),
    "missing in the classifier": (lambda t: drop(t, "classifier.head.bias"), "1 tensors missing"),
    "extra": (lambda t: t.update({"subnet.extra": torch.ones(1)}), "0 tensors missing, 1 foreign"),
    "of another network": (lambda t: t.update({"unet.w": torch.ones(1)}), "1 foreign"),
    "wrong shape": (
        lambda t: t.update({"classifier.head.bias": torch.ones(4)}),
        "1 of another shape.*classifier.head.bias",
    ),
    "broadcastable shape": (
        lambda t: t.update({"classifier.head.bias": torch.ones(1)}),
        "1 of another shape.*classifier.head.bias",
    ),
    "not a number": (
        lambda t: t["classifier.input.project.weight"][0, 0, 0].fill_(float("nan")),
        "classifier.input.project.weight holds values that are not finite",
    ),
    "enormous": (
        lambda t: t["subnet.head.norm.bias"][:1].fill_(-2e38),
        "subnet.head.norm.bias holds values that are not finite, or no weights",
    ),
    "infinite": (
        lambda t: t["subnet.head.norm.bias"][:1].fill_(float("inf")),
        "subnet.head.norm.bias holds values that are not finite",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_tensors_that_do_not_fit_are_refused(kind: str, saved: Path) -> None:
    change, message = DAMAGE[kind]
    rewrite(saved, change_tensors=change)
    with pytest.raises(WeightsError, match=f"{saved}.*{message}"):
        load_model(saved)


def test_features_of_another_front_end_are_refused(saved: Path) -> None:
    rewrite(saved, change_metadata=lambda m: m.update(mel_hash="0" * 16))
    with pytest.raises(WeightsError, match=f"{saved}: made for features 0000"):
        load_model(saved)


def test_fewer_labels_than_logits_are_refused(saved: Path) -> None:
    rewrite(saved, change_metadata=change_json("labels", lambda labels: labels.pop()))
    with pytest.raises(WeightsError, match=r"of another shape.*classifier\.head"):
        load_model(saved)
