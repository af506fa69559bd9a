"""What is saved is what is read."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model_about import find_weights, shipped_weights
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.sampling import Sampling
from scoresubnet.sde import VPSDE
from scoresubnet.weight_files.file_metadata import WeightsError, from_plain
from scoresubnet.weights import ModelFile, load_model, save_model
from tests.weights.rewriting import change_json, rewrite

Batch = tuple[Tensor, Tensor, Tensor]


APART = [unicodedata.normalize(form, "über") for form in ("NFC", "NFD")]


def test_round_trip_gives_the_same_model(model: ModelFile, saved: Path, batch: Batch) -> None:
    x, t, labels = batch
    loaded = load_model(saved)
    assert loaded.labels == model.labels
    assert (loaded.sde, loaded.mel) == (model.sde, model.mel)
    assert (loaded.parametrisation, loaded.notes) == ("v", model.notes)
    theirs, ours = (file.backbone().classifier.config for file in (loaded, model))
    assert theirs == ours
    assert loaded.subnet is not None
    assert model.subnet is not None
    assert loaded.subnet.config == model.subnet.config
    before, after = model.score_model(), loaded.score_model()
    with torch.no_grad():
        for a, b in zip(
            before.with_class_gradient(labels)(x, t),
            after.with_class_gradient(labels)(x, t),
            strict=True,
        ):
            assert a is not None
            assert b is not None
            assert torch.equal(a, b)
            assert a.abs().max() > 1e-3
    assert (after.sde, after.parametrisation, after.training) == (model.sde, "v", False)


def test_a_sampling_is_kept_and_none_is_not_written(model: ModelFile, saved: Path) -> None:
    assert load_model(saved).sampling is None
    with safetensors.safe_open(saved, framework="pt") as file:
        assert "sampling" not in file.metadata()
    model.sampling = Sampling("heun", 7, "karras", 2.0, "linear:start=1", 0.5, True)
    save_model(model, saved)
    assert load_model(saved).sampling == model.sampling


def test_aliases_are_kept_and_none_are_not_written(model: ModelFile, saved: Path) -> None:
    """So a file without aliases is one of an older version, bit for bit."""
    assert load_model(saved).aliases == {}
    with safetensors.safe_open(saved, framework="pt") as file:
        assert "aliases" not in file.metadata()
    model.aliases = {"صفر": "go", APART[1]: "left"}
    save_model(model, saved)
    assert load_model(saved).aliases == {"صفر": "go", APART[0]: "left"}


def test_folder_and_file_name_the_same_weights(saved: Path) -> None:
    assert find_weights(saved) == find_weights(saved.parent) == find_weights(str(saved)) == saved


def test_saved_tensors_do_not_show_the_memory_format(
    model: ModelFile, saved: Path, tmp_path: Path
) -> None:
    """Training runs in channels_last; what is read back must not."""
    model.backbone().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    save_model(model, tmp_path / "other.safetensors")
    expected = safetensors.torch.load_file(saved)
    found = safetensors.torch.load_file(tmp_path / "other.safetensors")
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert torch.equal(tensor, expected[name])
        assert tensor.is_contiguous()


def test_classifier_alone_has_no_score_model(
    fill: Callable[..., Classifier], tiny: ClassifierConfig, tmp_path: Path, batch: Batch
) -> None:
    x, t, _ = batch
    classifier = fill(Classifier(tiny, 3)).eval()
    path = tmp_path / "model.safetensors"
    save_model(ModelFile(classifier, ("a", "b", "c"), VPSDE(), MelSettings()), path)
    loaded = load_model(path)
    assert loaded.subnet is None
    assert loaded.parametrisation is None
    assert torch.equal(loaded.backbone()(x, t), classifier(x, t))
    with pytest.raises(WeightsError, match="classifier alone; train a Score Subnet"):
        loaded.score_model()


def test_labels_are_read_in_nfc(saved: Path) -> None:
    rewrite(saved, change_metadata=change_json("labels", lambda x: x.__setitem__(0, APART[1])))
    assert load_model(saved).labels == (APART[0], "right", "go")


def test_from_plain_restores_tuples() -> None:
    values = json.loads('{"widths": [8, 8], "blocks": [1, 2], "fusion": "addition"}')
    config = from_plain(
        SubnetConfig,
        values
        | {"gradient_taps": True, "label_taps": True, "keep_input_scale": False, "time_dim": 16}
        | {"forward_taps": True, "every_block": False},
    )
    assert config == SubnetConfig((8, 8), (1, 2), "addition", True, True, False, 16)
    with pytest.raises(ValueError, match=r"SubnetConfig has the keys .*gradient_taps"):
        from_plain(SubnetConfig, values)


def test_half_precision_halves_the_file_and_loads_as_float32(
    model: ModelFile, saved: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.safetensors"
    save_model(model, half, torch.float16)
    assert half.stat().st_size < 0.6 * saved.stat().st_size
    expected, found = (file.backbone().state_dict() for file in (model, load_model(half)))
    for name, value in found.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-6)


def test_shipped_weights_can_be_loaded() -> None:
    for name, path in shipped_weights().items():
        loaded = load_model(name)
        assert path.stem == name
        assert loaded.mel == MelSettings()
        assert isinstance(loaded.subnet, ScoreSubnet)
