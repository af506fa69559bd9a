"""The tensors of a HiFi-GAN: what does not fit, and what is more than tensors."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.vocoders.hifigan import load_hifigan
from scoresubnet.weight_files.file_metadata import WeightsError

MakeFolder = Callable[..., Path]
MakeState = Callable[..., dict[str, Tensor]]


def changed(state: dict[str, Tensor], change: str) -> dict[str, Tensor]:
    name = "ups.1.conv.weight_v"
    if change == "missing":
        del state[name]
    elif change == "unexpected":
        state["cond_layer.conv.weight"] = torch.zeros(1)
    elif change == "second of a name":
        state["upsampler.0.bias"] = torch.zeros_like(state["ups.0.conv.bias"])
    elif change == "mean":
        state |= {"mean": torch.zeros(80), "scale": torch.ones(80)}
    elif change == "not wrapped":
        state = {key.replace(".conv.", "."): value for key, value in state.items()}
    elif change == "foreign names":
        state = {f"generator.{key}": value for key, value in state.items()}
    elif change == "shape":
        state[name] = state[name][:, :, 1:]
    elif change == "bias":
        state["conv_pre.conv.bias"] = torch.zeros(3)
    elif change == "nan":
        state["conv_post.conv.bias"] = torch.tensor([math.nan])
    elif change == "no direction":
        state[name] = torch.zeros_like(state[name])
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"1 missing \(upsampler.1.parametrizations.weight.original1\)"),
        ("unexpected", r"1 unexpected \(cond_layer.weight\)"),
        ("second of a name", r"1 unexpected \(upsampler.0.bias\)"),
        ("mean", r"2 unexpected \(mean, scale\)"),
        ("not wrapped", r"234 unexpected \(conv_post.bias, "),
        ("foreign names", r"234 missing \(conv_post.bias, "),
        ("shape", r"1 of another shape \(upsampler.1.parametrizations.weight.original1\)"),
        ("bias", r"1 of another shape \(conv_pre.bias\)"),
        ("nan", r"1 not finite \(conv_post.bias\)"),
        ("no direction", r"1 not finite \(upsampler.1.weight\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    speechbrain_folder: MakeFolder, speechbrain_state: MakeState, change: str, message: str
) -> None:
    folder = speechbrain_folder(state=changed(speechbrain_state(), change))
    with pytest.raises(WeightsError, match=r"generator\.ckpt: does not fit its config: " + message):
        load_hifigan(str(folder))


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("evil").resolve(),))  # type: ignore[return-value]


@pytest.mark.parametrize("content", ["object", "pickle", "nested", "list", "truncated", "empty"])
def test_a_file_of_more_or_less_than_tensors_is_refused(
    speechbrain_folder: MakeFolder,
    speechbrain_state: MakeState,
    content: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    state = {"object": Evil(), "nested": {"generator": speechbrain_state()}, "list": [1]}
    folder = speechbrain_folder(state=state.get(content))
    path = folder / "generator.ckpt"
    if content == "pickle":
        path.write_bytes(pickle.dumps(Evil(), protocol=2))
    elif content == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif content == "empty":
        path.write_bytes(b"")
    with pytest.raises(WeightsError, match=r"generator\.ckpt: (not a readable|neither|holds more)"):
        load_hifigan(str(folder))
    assert not (tmp_path / "evil").exists()
