"""The published SC09 classifier: its file, its front end, and the rows it gives."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scoresubnet.audio.io import fit_length, read_audio
from scoresubnet.data.clips import list_audio
from scoresubnet.evaluation.judges.sc09_resnext import (
    PUBLISHED_CLASSES,
    CifarResNeXt,
    CifarResNeXtConfig,
    DecibelMel,
    Padding,
    SC09ResNeXt,
)
from scoresubnet.weight_files.file_metadata import WeightsError

SMALL = CifarResNeXtConfig(cardinality=4, depth=20, base_width=2, widen=2)


@pytest.fixture
def network() -> CifarResNeXt:
    """Filled, so that no layer of batch statistics is the identity."""
    torch.manual_seed(0)
    network = CifarResNeXt(SMALL)
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.3)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture
def sounds(recordings: Path) -> list[np.ndarray]:
    """Two recordings of a second, one of them faint, and noise."""
    noise = np.random.default_rng(0).normal(0, 0.2, 16_000).astype(np.float32)
    paths = list_audio(recordings / "speech_commands" / "seven")[:2]
    words = [fit_length(read_audio(path), 16_000) for path in paths]
    return [words[0], words[1] * np.float32(1e-3), noise]


def reference(tensors: dict[str, Tensor], x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """(embedding, logits) by the names of the tensors, another way than modules do."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var, weight, bias = (
            tensors[f"{name}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    h = norm(F.conv2d(x, tensors["conv_1_3x3.weight"], padding=1), "bn_1").relu()
    blocks = dict.fromkeys(name.rpartition(".conv_conv.")[0] for name in tensors)
    for name in filter(None, blocks):
        stride = 2 if name.endswith("_0") and not name.startswith("stage_1") else 1
        g = norm(F.conv2d(h, tensors[f"{name}.conv_reduce.weight"]), f"{name}.bn_reduce").relu()
        parts = zip(
            g.chunk(groups, 1), tensors[f"{name}.conv_conv.weight"].chunk(groups), strict=True
        )
        g = torch.cat([F.conv2d(a, w, stride=stride, padding=1) for a, w in parts], 1)
        g = F.conv2d(norm(g, f"{name}.bn").relu(), tensors[f"{name}.conv_expand.weight"])
        if f"{name}.shortcut.shortcut_conv.weight" in tensors:
            weight = tensors[f"{name}.shortcut.shortcut_conv.weight"]
            h = norm(F.conv2d(h[:, :, ::stride, ::stride], weight), f"{name}.shortcut.shortcut_bn")
        h = (h + norm(g, f"{name}.bn_expand")).relu()
    embedding = F.avg_pool2d(h, 8, 1)[:, :, 0, 0]
    return embedding, embedding @ tensors["classifier.weight"].T + tensors["classifier.bias"]


def test_it_is_the_published_architecture() -> None:
    with torch.device("meta"):
        tensors = CifarResNeXt().state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert shapes["conv_1_3x3.weight"] == (64, 1, 3, 3)
    assert shapes["bn_1.running_var"] == (64,)
    assert shapes["stage_1.stage_1_bottleneck_0.shortcut.shortcut_conv.weight"] == (256, 64, 1, 1)
    assert shapes["stage_1.stage_1_bottleneck_2.conv_conv.weight"] == (512, 64, 3, 3)
    assert shapes["stage_2.stage_2_bottleneck_1.bn_reduce.weight"] == (1024,)
    assert shapes["stage_3.stage_3_bottleneck_0.shortcut.shortcut_bn.bias"] == (1024,)
    assert shapes["stage_3.stage_3_bottleneck_2.conv_expand.weight"] == (1024, 2048, 1, 1)
    assert shapes["classifier.weight"] == (10, 1024)
    # Nine blocks of 18 tensors, three shortcuts of 6, the first layer of 6, the last of 2.
    assert len(shapes) == 9 * 18 + 3 * 6 + 6 + 2
    # Xie et al., table 7: 34.4 M.
    with torch.device("meta"):
        assert round(sum(p.numel() for p in CifarResNeXt().parameters()) / 1e6, 1) == 34.4


def test_the_network_agrees_with_its_tensors(network: CifarResNeXt) -> None:
    x = -80 * torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        output = network(x)
    embedding, logits = reference(network.state_dict(), x, SMALL.cardinality)
    assert embedding.std() > 0.01
    torch.testing.assert_close(output.embedding, embedding, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(output.logits, logits, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="32, 32"):
        network(x[..., :31])


@pytest.mark.parametrize("padding", ["reflect", "constant"])
def test_the_front_end_is_librosa_s(padding: Padding, sounds: list[np.ndarray]) -> None:
    import librosa

    for sound in sounds:
        mel = librosa.feature.melspectrogram(y=sound, sr=16_000, n_mels=32, pad_mode=padding)
        expected = librosa.power_to_db(mel, ref=np.max)
        found = DecibelMel(padding)(torch.from_numpy(sound)[None])
        assert found.shape == (1, 1, 32, 32)
        np.testing.assert_allclose(found[0, 0], expected, atol=2e-3)


def test_clips_have_levels_of_their_own_and_silence_has_none(sounds: list[np.ndarray]) -> None:
    front_end = DecibelMel()
    batch = torch.from_numpy(np.stack([*sounds, np.zeros(16_000, dtype=np.float32)]))
    together = front_end(batch)
    for k in range(len(batch)):
        torch.testing.assert_close(together[k : k + 1], front_end(batch[k : k + 1]))
    assert together.amax() == 0
    assert together.amin() == -80
    assert not together[-1].any()


def test_rows_are_features_and_probabilities_of_the_first_second(
    network: CifarResNeXt, sounds: list[np.ndarray]
) -> None:
    embedder = SC09ResNeXt(network)
    short, long = sounds[0][:9000], np.append(sounds[1], sounds[2])
    found = embedder([*sounds, short, long])
    assert found.embedding.shape == (5, 512)
    assert found.embedding.dtype == np.float64
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-12)
    seconds = [*sounds, np.pad(short, (0, 7000)), long[:16_000]]
    with torch.no_grad():
        output = network(DecibelMel()(torch.from_numpy(np.stack(seconds))))
    np.testing.assert_allclose(found.embedding, output.embedding, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, output.logits.softmax(1), rtol=1e-3, atol=1e-6)
    alone = embedder(sounds[1:2])
    np.testing.assert_array_equal(alone.embedding[0], found.embedding[1])
    assert embedder.labels[:2] == ("zero", "one")


def published(network: CifarResNeXt, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the network as its training script did: pickled whole, from a GPU, in DataParallel."""
    models, resnext = types.ModuleType("models"), types.ModuleType("models.resnext")
    whole = CifarResNeXt(SMALL)
    whole.load_state_dict(network.state_dict())
    for module, name in [(whole, "CifarResNeXt")] + [
        (m, "ResNeXtBottleneck") for m in whole.modules() if hasattr(m, "conv_conv")
    ]:
        own = getattr(resnext, name, None) or type(
            name, (type(module),), {"__module__": "models.resnext", "__qualname__": name}
        )
        setattr(resnext, name, own)
        module.__class__ = own
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "models", models)
        patch.setitem(sys.modules, "models.resnext", resnext)
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        parallel = nn.DataParallel(whole)
        parallel.device_ids, parallel.output_device = [0], 0
        parallel.src_device_obj = torch.device("cuda", 0)
        torch.save(parallel, path)


def test_the_published_form_loads(network, sounds, tmp_path, monkeypatch) -> None:
    published(network, tmp_path / "resnext.pth", monkeypatch)
    torch.save(network.state_dict(), tmp_path / "state.pth")
    expected = SC09ResNeXt(network)
    for name in ("resnext.pth", "state.pth"):
        found = SC09ResNeXt.from_file(tmp_path / name, config=SMALL)
        assert found.settings == expected.settings
        np.testing.assert_array_equal(found(sounds).embedding, expected(sounds).embedding)
        assert not found.network.training
    assert set(PUBLISHED_CLASSES) > {"models.resnext.CifarResNeXt"}


def test_other_files_are_refused(network, tmp_path, monkeypatch) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        SC09ResNeXt.from_file(tmp_path / "resnext.pth")
    published(network, tmp_path / "resnext.pth", monkeypatch)
    with pytest.raises(WeightsError, match="of another shape"):
        SC09ResNeXt.from_file(tmp_path / "resnext.pth")
    torch.save(nn.Linear(2, 2), tmp_path / "linear.pth")
    with pytest.raises(WeightsError, match="missing"):
        SC09ResNeXt.from_file(tmp_path / "linear.pth", config=SMALL)
    torch.save(nn.GRU(2, 2), tmp_path / "gru.pth")
    with pytest.raises(WeightsError, match=r"names torch\.nn\.modules\.rnn\.GRU; nothing"):
        SC09ResNeXt.from_file(tmp_path / "gru.pth", config=SMALL)


def test_settings_tell_weights_and_padding_apart(network: CifarResNeXt) -> None:
    first = SC09ResNeXt(network).settings
    json.dumps(first)
    assert SC09ResNeXt(network, "constant").settings["padding"] != first["padding"]
    with torch.no_grad():
        network.classifier.bias[3] += 1
    assert SC09ResNeXt(network).settings["weights"] != first["weights"]


def test_no_random_number_is_drawn_and_wrong_arguments_are_refused(network, tmp_path) -> None:
    torch.save(network.state_dict(), tmp_path / "state.pth")
    before = torch.get_rng_state()
    SC09ResNeXt.from_file(tmp_path / "state.pth", config=SMALL)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ValueError, match="unknown padding 'edge'"):
        SC09ResNeXt(network, "edge")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="10 classes"):
        SC09ResNeXt(CifarResNeXt(CifarResNeXtConfig(classes=3, depth=11, widen=1)))
