import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from scoresubnet.audio.io import read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.sources import Source
from scoresubnet.training.config import DataConfig
from scoresubnet.training.datamodule import SpeechData

MakeData = Callable[..., DataConfig]


@pytest.fixture
def data(data_config: MakeData) -> SpeechData:
    return SpeechData(data_config(), seed=0)


def test_features_and_labels_of_a_batch(data: SpeechData) -> None:
    x, labels = next(iter(data.train_dataloader()))
    assert x.shape == (4, 1, 80, 64)
    assert x.dtype == torch.float32
    assert labels.dtype == torch.int64
    batches = data.train_dataloader().batch_sampler
    assert batches is not None
    rows = next(iter(batches))
    for item, label, row in zip(x, labels, rows, strict=True):
        path = data.features.clips[row].path
        assert path.parent.name == ("hum", "hiss")[label]
        audio = torch.from_numpy(read_audio(path, 16_000))
        torch.testing.assert_close(item, LogMel()(audio)[0], rtol=0, atol=1e-3)


def test_features_are_of_the_given_front_end(data: SpeechData, data_config: MakeData) -> None:
    other = SpeechData(data_config(), seed=0, mel=MelSettings(log_max=3.0))
    assert other.batch([0])[0].max() < data.batch([0])[0].max()


def test_every_word_needs_training_clips(
    data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    """Whether it is named or found: it has a label."""
    for name in ("hum/take0", "hiss/take13"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.wav").symlink_to(words_folder / f"{name}.wav")
    for words in (("hum", "hiss"), None):
        config = data_config(sources=(Source("folder", str(tmp_path)),), words=words)
        with pytest.raises(ValueError, match="no training clips of hiss;"):
            SpeechData(config, seed=0)


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("none", None, "'none' is taken"),
        ("hum ", None, "'hum ' begins or ends with a space"),
        ("hum", ("../hum",), "'../hum' has a slash"),
    ],
)
def test_what_cannot_be_loaded_is_not_trained(
    name: str,
    words: tuple[str, ...] | None,
    message: str,
    data_config: MakeData,
    words_folder: Path,
    tmp_path: Path,
) -> None:
    """Whether it is a folder or a word of the config; and before features are made."""
    (tmp_path / name).symlink_to(words_folder / "hum")
    cache = tmp_path / "_cache"
    sources = (Source("folder", str(tmp_path)),)
    with pytest.raises(ValueError, match=message):
        SpeechData(data_config(sources=sources, words=words, cache=str(cache)), seed=0)
    assert not cache.exists()


def test_words_are_compared_in_nfc(
    data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    nfc, nfd = (unicodedata.normalize(form, "über") for form in ("NFC", "NFD"))
    for folder, word in ((nfd, nfc), (nfc, nfd)):
        (tmp_path / folder).symlink_to(words_folder / "hum")
        config = data_config(sources=(Source("folder", str(tmp_path)),), words=(word,))
        assert SpeechData(config, seed=0).words == (nfc,)
        (tmp_path / folder).unlink()
