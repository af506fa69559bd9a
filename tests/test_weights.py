import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.model import ScoreModel
from scoresubnet.model_about import find_weights, shipped_weights
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.networks.unet import UNet
from scoresubnet.sampling import SAMPLING_PRESETS, Sampling
from scoresubnet.schedules import constant_guidance
from scoresubnet.sde import VPSDE
from scoresubnet.weight_files.file_metadata import WeightsError, from_plain
from scoresubnet.weights import ModelFile, load_model, save_model

Batch = tuple[Tensor, Tensor, Tensor]
LABELS = ("left", "right", "go")
APART = [unicodedata.normalize(form, "über") for form in ("NFC", "NFD")]


@pytest.fixture
def model(make_score_model: Callable[..., ScoreModel]) -> ModelFile:
    made = make_score_model("v", fusion="addition")
    return ModelFile(
        classifier=made.backbone.classifier,
        labels=LABELS,
        sde=VPSDE(0.2, 15.0, 2e-3),
        mel=MelSettings(log_max=2.5),
        subnet=made.subnet,
        parametrisation="v",
        notes={"licence": "CC BY 4.0", "words": "drei Wörter"},
    )


@pytest.fixture
def saved(model: ModelFile, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(model, path)
    return path


def rewrite(
    path: Path,
    change_tensors: Callable[[dict[str, Tensor]], Any] = lambda tensors: None,
    change_metadata: Callable[[dict[str, str]], Any] = lambda metadata: None,
) -> None:
    """Change a file of weights behind the package's back."""
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    change_tensors(tensors)
    change_metadata(metadata)
    safetensors.torch.save_file(tensors, path, metadata)


def change_json(key: str, change: Callable[[Any], Any]) -> Callable[[dict[str, str]], None]:
    def apply(metadata: dict[str, str]) -> None:
        value = json.loads(metadata[key])
        change(value)
        metadata[key] = json.dumps(value)

    return apply


def test_round_trip_gives_the_same_model(model: ModelFile, saved: Path, batch: Batch) -> None:
    x, t, labels = batch
    loaded = load_model(saved)
    assert loaded.labels == LABELS
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


@pytest.mark.parametrize("aliases", [{"right": "go"}, {"none": "go"}, {"x": "up"}, {"../x": "go"}])
def test_aliases_that_contradict_the_labels_are_neither_written_nor_read(
    aliases: dict[str, str], model: ModelFile, saved: Path
) -> None:
    before = saved.read_bytes()
    model.aliases = aliases
    with pytest.raises(ValueError, match=r"alias .*(go|x)"):
        save_model(model, saved)
    assert saved.read_bytes() == before
    rewrite(saved, change_metadata=lambda m: m.update(aliases=json.dumps(aliases)))
    with pytest.raises(WeightsError, match=rf"{saved}: .*alias "):
        load_model(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": constant_guidance}, "schedule is a function, which cannot be written"),
        ({"steps": 0}, "steps 0 is out of range"),
    ],
)
def test_a_sampling_that_cannot_be_read_is_not_written(
    change: dict[str, Any], message: str, model: ModelFile, saved: Path
) -> None:
    before = saved.read_bytes()
    model.sampling = replace(SAMPLING_PRESETS["paper"], **change)
    with pytest.raises(ValueError, match=message):
        save_model(model, saved)
    assert saved.read_bytes() == before


def test_folder_and_file_name_the_same_weights(saved: Path) -> None:
    assert find_weights(saved) == find_weights(saved.parent) == find_weights(str(saved)) == saved


def test_saving_makes_the_folder_and_a_readable_file(model: ModelFile, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "model.safetensors"
    mask = os.umask(0o022)
    try:
        save_model(model, path)
    finally:
        os.umask(mask)
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


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
    save_model(ModelFile(classifier, LABELS, VPSDE(), MelSettings()), path)
    loaded = load_model(path)
    assert loaded.subnet is None
    assert loaded.parametrisation is None
    assert torch.equal(loaded.backbone()(x, t), classifier(x, t))
    with pytest.raises(WeightsError, match="classifier alone; train a Score Subnet"):
        loaded.score_model()


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


METADATA: dict[str, Callable[[dict[str, str]], Any]] = {
    "unknown key": change_json("config", lambda c: c["classifier"].update(depth=3)),
    "missing key": change_json("config", lambda c: c["classifier"].pop("patch")),
    "unknown key of the subnet": change_json("config", lambda c: c["subnet"].update(depth=3)),
    "unknown fusion": change_json("config", lambda c: c["subnet"].update(fusion="sum")),
    "impossible sde": change_json("config", lambda c: c["sde"].update(beta_min=-1)),
    "no sde": change_json("config", lambda c: c.pop("sde")),
    "unknown parametrisation": change_json("config", lambda c: c.update(parametrisation="x0")),
    "parametrisation of nothing": change_json("config", lambda c: c.update(parametrisation=None)),
    "subnet without parametrisation": change_json("config", lambda c: c.pop("parametrisation")),
    "patches of nothing": change_json("config", lambda c: c["classifier"].update(patch=0)),
    "unknown mel setting": change_json("mel", lambda m: m.update(hops=1)),
    "no labels": lambda m: m.pop("labels"),
    "labels that are no list": lambda m: m.update(labels="3"),
    "labels that are numbers": lambda m: m.update(labels="[1, 2, 3]"),
    "labels in one text": lambda m: m.update(labels='"abc"'),
    "a label that is a path": change_json("labels", lambda x: x.__setitem__(0, "../x")),
    "an empty label": change_json("labels", lambda x: x.__setitem__(0, "")),
    "a label with a control character": change_json("labels", lambda x: x.__setitem__(0, "a\x1b")),
    "half a surrogate": change_json("labels", lambda x: x.__setitem__(0, "\ud83d")),
    "a label called none": change_json("labels", lambda x: x.__setitem__(0, "none")),
    "a label in two forms": change_json("labels", lambda x: x.__setitem__(slice(2), APART)),
    "notes that are no mapping": lambda m: m.update(notes="[1]"),
    "aliases that are no mapping": lambda m: m.update(aliases="[1]"),
    "an alias of a number": lambda m: m.update(aliases='{"a": 1}'),
    "broken json": lambda m: m.update(config="{"),
    "config of another type": lambda m: m.update(config="[]"),
    "sampling of another type": lambda m: m.update(sampling="3"),
    "sampling with a schedule of another type": lambda m: m.update(
        sampling=json.dumps(SAMPLING_PRESETS["paper"].to_dict() | {"schedule": 3})
    ),
    "sampling without steps": lambda m: m.update(sampling='{"sampler": "heun"}'),
}


@pytest.mark.parametrize("kind", METADATA)
def test_damaged_metadata_is_refused(kind: str, saved: Path) -> None:
    rewrite(saved, change_metadata=METADATA[kind])
    with pytest.raises(WeightsError, match=f"{saved}"):
        load_model(saved)


def test_labels_are_read_in_nfc(saved: Path) -> None:
    rewrite(saved, change_metadata=change_json("labels", lambda x: x.__setitem__(0, APART[1])))
    assert load_model(saved).labels == (APART[0], "right", "go")


@pytest.mark.parametrize("label", ["../x", "none", "right"])
def test_labels_that_cannot_be_read_are_not_written(
    label: str, model: ModelFile, saved: Path
) -> None:
    before = saved.read_bytes()
    model.labels = (label, "right", "go")
    with pytest.raises(ValueError, match=label):
        save_model(model, saved)
    assert saved.read_bytes() == before


def test_fewer_labels_than_logits_are_refused(saved: Path) -> None:
    rewrite(saved, change_metadata=change_json("labels", lambda labels: labels.pop()))
    with pytest.raises(WeightsError, match=r"of another shape.*classifier\.head"):
        load_model(saved)


def test_unknown_key_is_named(saved: Path) -> None:
    rewrite(saved, change_metadata=METADATA["unknown key"])
    with pytest.raises(WeightsError, match=r"ClassifierConfig.*depth"):
        load_model(saved)


def test_an_unknown_setting_of_the_sampling_is_named_with_the_nearest(saved: Path) -> None:
    settings = SAMPLING_PRESETS["paper"].to_dict() | {"gridd": "karras"}
    rewrite(saved, change_metadata=lambda m: m.update(sampling=json.dumps(settings)))
    with pytest.raises(WeightsError, match=rf"{saved}.*'gridd'; nearest first, there are: grid"):
        load_model(saved)


@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_failing_save_keeps_the_old_file_and_leaves_nothing(
    step: str, model: ModelFile, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def write_half(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("no space left on device")

    def interrupted(source: str, target: str) -> None:
        raise KeyboardInterrupt

    if step == "write":
        monkeypatch.setattr(Path, "write_bytes", write_half)
    else:
        monkeypatch.setattr(os, "replace", interrupted)
    model.notes["changed"] = "yes"
    with pytest.raises((OSError, KeyboardInterrupt)):
        save_model(model, saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


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


def unet_file(unet: UNet, **fields: Any) -> ModelFile:
    values: dict[str, Any] = {"labels": LABELS, "parametrisation": "v", "unet": unet}
    values |= {"sde": VPSDE(0.2, 15.0, 2e-3), "mel": MelSettings(log_max=2.5)}
    return ModelFile(classifier=None, **(values | fields))


def test_round_trip_of_a_u_net(
    make_unet: Callable[..., UNet], tmp_path: Path, batch: Batch
) -> None:
    file = unet_file(make_unet(label_conditioned=True))
    save_model(file, tmp_path / "unet.safetensors")
    loaded = load_model(tmp_path / "unet.safetensors")
    assert (loaded.classifier, loaded.subnet, loaded.labels) == (None, None, LABELS)
    assert (loaded.sde, loaded.mel, loaded.parametrisation) == (file.sde, file.mel, "v")
    x, t, labels = batch
    with torch.no_grad():
        found = loaded.score_model().score(x, t, labels)
        assert torch.equal(found, file.score_model().score(x, t, labels))
    with pytest.raises(WeightsError, match="name a classifier"):
        loaded.backbone()


def test_a_u_net_is_guided_by_other_weights(
    model: ModelFile, make_unet: Callable[..., UNet], batch: Batch
) -> None:
    """It knows two of the classifier's three labels, in another order."""
    unet = make_unet(2, label_conditioned=True)
    guided = unet_file(unet, labels=("go", "left")).guided_by(model).score_model()
    assert guided.classifier is not None
    x, t, _ = batch
    with torch.no_grad():
        told = guided(x, t, torch.tensor([2, 0, 1]))
        assert torch.equal(told, unet(x, t, torch.tensor([0, 1, -1])))


def test_a_guide_that_does_not_fit_is_refused(
    model: ModelFile, make_unet: Callable[..., UNet]
) -> None:
    unet = unet_file(make_unet())
    with pytest.raises(ValueError, match="is for guiding a U-Net"):
        model.guided_by(model)
    with pytest.raises(WeightsError, match="without a classifier"):
        unet.guided_by(unet)
    with pytest.raises(ValueError, match="another noise process"):
        unet_file(make_unet(), sde=VPSDE()).guided_by(model)
    with pytest.raises(ValueError, match="another front end"):
        unet_file(make_unet(), mel=MelSettings()).guided_by(model)
