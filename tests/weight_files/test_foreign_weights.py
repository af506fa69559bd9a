"""Tensors come out of files that others made, and nothing in those files is run."""

import io
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.foreign_weights import load_foreign, read_state_dict, weights_hash

CLASSES = (
    "torch.nn.parallel.data_parallel.DataParallel",
    "torch.nn.modules.container.Sequential",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "somewhere.models.Net",
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        normalise = nn.BatchNorm2d(4)
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), normalise)
        assert normalise.running_mean is not None
        normalise.running_mean += 2
        self.scale = nn.Parameter(torch.tensor(3.0))
        self.register_parameter("nothing", None)


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """`somewhere.models` with a class of its own; it is there for writing files alone."""
    package, models = types.ModuleType("somewhere"), types.ModuleType("somewhere.models")
    models.Net = type("Net", (Net,), {"__module__": "somewhere.models", "__qualname__": "Net"})  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "somewhere", package)
        patch.setitem(sys.modules, "somewhere.models", models)
        yield models


def as_foreign(net: Net, models: types.ModuleType) -> Net:
    net.__class__ = models.Net
    return net


def equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], tensor) for name, tensor in expected.items()
    )


@pytest.mark.parametrize("form", ["plain", "legacy", "parallel", "checkpoint", "safetensors"])
def test_every_plain_form(form: str, net: Net, tmp_path: Path) -> None:
    expected = net.state_dict()
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        safetensors.torch.save_file(expected, path)
    elif form == "checkpoint":
        torch.save({"epoch": 7, "state_dict": expected, "optimizer": {"state": {}}}, path)
    elif form == "parallel":
        torch.save(nn.DataParallel(net).state_dict(), path)
    else:  # legacy: as torch saved before 1.6, VGGish among them
        torch.save(expected, path, _use_new_zipfile_serialization=form == "plain")
    assert equal(read_state_dict(path), expected)


@pytest.mark.parametrize("parallel", [True, False])
def test_a_pickled_module(parallel, net, foreign, tmp_path, monkeypatch) -> None:
    """As another program on a GPU saved it; its classes are not there when it is read."""
    expected = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    whole = as_foreign(net, foreign)
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        torch.save(nn.DataParallel(whole) if parallel else whole, tmp_path / "w.pth")
    monkeypatch.delitem(sys.modules, "somewhere.models")
    monkeypatch.delitem(sys.modules, "somewhere")
    found = read_state_dict(tmp_path / "w.pth", CLASSES)
    assert equal(found, expected)
    assert "body.1.running_mean" in found
    assert not any(tensor.requires_grad for tensor in found.values())
    assert not {"somewhere", "somewhere.models"} & sys.modules.keys()


def test_unexpected_classes_are_refused(net, foreign, tmp_path) -> None:
    torch.save(as_foreign(net, foreign), tmp_path / "w.pth")
    before = set(torch.serialization.get_safe_globals())
    with pytest.raises(WeightsError, match=r"names somewhere\.models\.Net; nothing of it was run"):
        read_state_dict(tmp_path / "w.pth", CLASSES[:-1])
    assert set(torch.serialization.get_safe_globals()) == before


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Evaluated(Evil):
    def __reduce__(self):
        return eval, (f"__import__('os').system({self.command!r})",)


@pytest.mark.parametrize("kind", [Evil, Evaluated])
@pytest.mark.parametrize("where", ["alone", "among tensors", "in a module", "legacy", "spelled"])
def test_a_file_that_runs_commands_runs_none(kind, where, net, foreign, tmp_path) -> None:
    trap = tmp_path / "sprung"
    evil, path = kind(f"touch {trap}"), tmp_path / "w.pth"
    if where == "alone":
        torch.save(evil, path)
    elif where == "among tensors":
        torch.save({"w": torch.zeros(2), "x": evil}, path)
    elif where == "in a module":
        net.body[0].extra = evil
        torch.save(as_foreign(net, foreign), path)
    elif where == "legacy":
        torch.save(evil, path, _use_new_zipfile_serialization=False)
    else:  # under the name of an expected class, which the file cannot define
        raw = pickle.dumps(evil, protocol=2)
        name = b"cposix\nsystem\n" if kind is Evil else b"c__builtin__\neval\n"
        assert name in raw
        torch.save({}, path)
        copy = io.BytesIO()
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
            for entry in old.namelist():
                data = old.read(entry)
                if entry.endswith("data.pkl"):
                    data = raw.replace(name, b"csomewhere.models\nNet\n")
                new.writestr(entry, data)
        path.write_bytes(copy.getvalue())
    with pytest.raises(WeightsError, match=r"w\.pth"):
        read_state_dict(path, CLASSES)
    assert not trap.exists()
    # The trap works: Python's own unpickler falls into it.
    pickle.loads(pickle.dumps(evil))
    assert trap.exists()


def test_what_is_no_module_or_no_tensor_is_refused(net, foreign, tmp_path) -> None:
    path = tmp_path / "w.pth"
    whole: Any = as_foreign(net, foreign)
    for change, match in (
        (lambda: whole._modules.update(again=whole), "within itself"),
        (lambda: whole._modules.update(again=5), "again is a int"),
        (lambda: whole._parameters.update(scale="3"), "scale is a str"),
        (lambda: whole.__dict__.update(_buffers=[1]), "it has no _buffers"),
    ):
        state = {k: dict(v) if isinstance(v, dict) else v for k, v in vars(whole).items()}
        change()
        torch.save(whole, path)
        vars(whole).update(state)
        with pytest.raises(WeightsError, match=match):
            read_state_dict(path, CLASSES)
    for thing in ([torch.zeros(1)], {"a": 1}, {1: torch.zeros(1)}, {"state_dict": 3}, {}):
        torch.save(thing, path)
        with pytest.raises(WeightsError, match=r"no named tensors|holds no tensors"):
            read_state_dict(path, CLASSES)


def test_damaged_and_missing_files(net: Net, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        read_state_dict(tmp_path / "w.pth")
    torch.save(net.state_dict(), tmp_path / "w.pth")
    data = (tmp_path / "w.pth").read_bytes()
    for damaged in (data[: len(data) // 2], b"", b"hello"):
        for name in ("w.pth", "w.safetensors"):
            (tmp_path / name).write_bytes(damaged)
            with pytest.raises(WeightsError, match="not a readable file"):
                read_state_dict(tmp_path / name)


def test_loading_is_strict(net: Net, tmp_path: Path) -> None:
    path, state = tmp_path / "w.pth", net.state_dict()
    counter = "body.1.num_batches_tracked"
    for change in ({"body.0.weight": torch.zeros(4, 1, 2, 2)}, {"extra": torch.zeros(1)}):
        torch.save(state | change, path)
        with pytest.raises(WeightsError, match=next(iter(change))):
            load_foreign(path, Net())
    torch.save({k: v for k, v in state.items() if k != "body.1.running_var"}, path)
    with pytest.raises(WeightsError, match="running_var"):
        load_foreign(path, Net())
    # Old files have no such counter, and nothing reads it.
    torch.save({k: v for k, v in state.items() if k != counter}, path)
    filled = Net()
    load_foreign(path, filled)
    assert equal(filled.state_dict(), state)


def test_the_hash_is_that_of_the_tensors(net: Net, tmp_path: Path) -> None:
    before = weights_hash(net)
    assert weights_hash(net) == before
    assert len(before) == 16
    buffers = dict(net.named_buffers())
    buffers["body.1.num_batches_tracked"] += 1
    assert weights_hash(net) == before
    buffers["body.1.running_var"][0] += 1e-3
    assert weights_hash(net) != before
