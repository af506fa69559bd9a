import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from scoresubnet.audio.io import read_audio
from scoresubnet.audio.mel import LogMel
from scoresubnet.data.sources import Source
from scoresubnet.training.config import DataConfig
from scoresubnet.training.datamodule import SpeechData

MakeData = Callable[..., DataConfig]


@pytest.fixture
def data(data_config: MakeData) -> SpeechData:
    return SpeechData(data_config(), seed=0)


def rows_of(data: SpeechData, x: torch.Tensor) -> list[int]:
    """The rows that a batch consists of, found by their content."""
    known = {row.astype(np.float32).tobytes(): n for n, row in enumerate(data.features.x)}
    return [known[item[0].numpy().tobytes()] for item in x]


def test_features_and_labels_of_a_batch(data: SpeechData) -> None:
    x, labels = next(iter(data.train_dataloader()))
    assert x.shape == (4, 1, 80, 64)
    assert x.dtype == torch.float32
    assert labels.dtype == torch.int64
    for item, label, row in zip(x, labels, rows_of(data, x), strict=True):
        path = data.features.clips[row]
        assert path.parent.name == ("hum", "hiss")[label]
        audio = torch.from_numpy(read_audio(path, 16_000))
        torch.testing.assert_close(item, LogMel()(audio)[0], rtol=0, atol=1e-3)


def test_training_draws_from_the_training_split_alone(data: SpeechData) -> None:
    drawn = Counter(
        row for x, _ in itertools.islice(data.train_dataloader(), 60) for row in rows_of(data, x)
    )
    assert set(drawn) == set(data.features.subset("training"))
    assert len(drawn) == 8


def test_validation_visits_every_clip_of_its_split_once(data: SpeechData) -> None:
    seen = [row for x, _ in data.val_dataloader() for row in rows_of(data, x)]
    assert seen == data.features.subset("validation").tolist()
    assert len(seen) == 4


def test_validation_comes_in_batches_of_at_most_128(
    data: SpeechData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.features, "subset", lambda split: np.arange(14).repeat(20)[:260])
    assert [len(x) for x, _ in data.val_dataloader()] == [128, 128, 4]


def test_batches_go_on_at_the_trainer_s_step(data: SpeechData) -> None:
    straight = [rows_of(data, x) for x, _ in itertools.islice(data.train_dataloader(), 5)]
    data.trainer = SimpleNamespace(global_step=3)  # type: ignore[assignment]
    resumed = [rows_of(data, x) for x, _ in itertools.islice(data.train_dataloader(), 2)]
    assert resumed == straight[3:]


def test_pairs_of_word_and_source_are_balanced(
    data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    """Pairs of 4, 2 and 1 clips: drawn by their size with balance 0, and alike with 1."""
    names = ["own/one/take0", "own/one/take2", "own/one/take4", "own/one/take5"]
    names += ["own/two/take0", "own/two/take2", "fsdd/recordings/1_theo_9"]
    for n, name in enumerate(names):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(words_folder / "hiss" / f"{('take0', 'take2', 'take4')[n % 3]}.wav")
    sources = (
        Source("folder", str(tmp_path / "own")),
        Source("fsdd", str(tmp_path / "fsdd"), ["one"]),
    )
    for balance, expected in ((0.0, (4 / 7, 2 / 7, 1 / 7)), (1.0, (1 / 3, 1 / 3, 1 / 3))):
        config = data_config(sources=sources, words=("one", "two"), balance=balance)
        data = SpeechData(config, seed=0)
        batches = itertools.islice(data.train_dataloader().batch_sampler, 500)
        rows = [row for batch in batches for row in batch]
        pairs = Counter((data.features.sources[r], data.features.labels[r]) for r in rows)
        shares = [pairs[pair] / len(rows) for pair in (("folder", 0), ("folder", 1), ("fsdd", 0))]
        assert shares == pytest.approx(expected, abs=0.04)


def test_words_of_other_labels_are_left_out(data_config: MakeData) -> None:
    data = SpeechData(data_config(words=("hiss",)), seed=0)
    assert data.words == data.features.words == ("hiss",)
    assert {path.parent.name for path in data.features.clips} == {"hiss"}


def test_without_words_all_are_taken(data_config: MakeData) -> None:
    """In an order that does not depend on the disk."""
    assert SpeechData(data_config(words=None), seed=0).words == ("hiss", "hum")


def test_words_without_training_clips_are_refused(
    data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"no training clips of hoot; check data\.sources"):
        SpeechData(data_config(words=("hum", "hoot")), seed=0)
    (tmp_path / "hum").mkdir()
    (tmp_path / "hum" / "take13.wav").symlink_to(words_folder / "hum" / "take13.wav")
    config = data_config(sources=(Source("folder", str(tmp_path)),), words=("hum",))
    with pytest.raises(ValueError, match="no training clips of hum"):
        SpeechData(config, seed=0)


def test_unknown_word_sets_are_refused(data_config: MakeData) -> None:
    with pytest.raises(ValueError, match=r"'SC9' \(nearest: SC09"):
        SpeechData(data_config(words="SC9"), seed=0)
