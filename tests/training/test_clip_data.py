"""What log-Mels and waveforms share: which clips make which batch."""

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.data import cache
from scoresubnet.data.sources import Source
from scoresubnet.training.clip_data import ClipData
from scoresubnet.training.config import DataConfig
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.waveform_data import WaveformData

MakeData = Callable[..., DataConfig]
Kind = type[ClipData[Any]]


@pytest.fixture(params=[SpeechData, WaveformData])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def data(kind: Kind, data_config: MakeData) -> ClipData[Any]:
    return kind(data_config(), seed=0)


def contents(batch: Any) -> list[bytes]:
    x: Tensor = batch if isinstance(batch, Tensor) else batch[0]
    return [item.numpy().tobytes() for item in x]


def rows_of(data: ClipData[Any], batch: Any) -> list[int]:
    """The rows that a batch consists of, found by their content."""
    known = {contents(data.batch([n]))[0]: n for n in range(len(data.kept.clips))}
    assert len(known) == 14
    return [known[content] for content in contents(batch)]


def drawn_rows(data: ClipData[Any], steps: int) -> list[int]:
    """The rows of the first batches, without reading them."""
    batches = data.train_dataloader().batch_sampler
    assert batches is not None
    return [row for batch in itertools.islice(batches, steps) for row in batch]


def link(folder: Path, words_folder: Path, *names: str) -> Path:
    """Recordings of noise under these names."""
    takes = ("take0", "take2", "take4", "take5")
    for n, name in enumerate(names):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(words_folder / "hiss" / f"{takes[n % 4]}.wav")
    return folder


def test_training_draws_from_the_training_split_alone(data: ClipData[Any]) -> None:
    batches = itertools.islice(data.train_dataloader(), 60)
    drawn = Counter(row for batch in batches for row in rows_of(data, batch))
    assert set(drawn) == set(data.kept.subset("training"))
    assert len(drawn) == 8


def test_validation_visits_every_clip_of_its_split_once(data: ClipData[Any]) -> None:
    for _ in range(2):
        seen = [row for batch in data.val_dataloader() for row in rows_of(data, batch)]
        assert seen == data.kept.subset("validation").tolist()
        assert len(seen) == 4


def test_validation_comes_in_batches_of_at_most_128(
    data: ClipData[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.kept, "subset", lambda split: np.arange(14).repeat(20)[:260])
    sizes = [len(contents(batch)) for batch in data.val_dataloader()]
    assert sizes == [128, 128, 4]


def test_batches_go_on_at_the_trainer_s_step(data: ClipData[Any]) -> None:
    straight = [rows_of(data, batch) for batch in itertools.islice(data.train_dataloader(), 5)]
    assert len({tuple(rows) for rows in straight}) == 5
    data.trainer = SimpleNamespace(global_step=3)  # type: ignore[assignment]
    resumed = [rows_of(data, batch) for batch in itertools.islice(data.train_dataloader(), 2)]
    assert resumed == straight[3:]


def test_the_seed_changes_the_batches(kind: Kind, data_config: MakeData) -> None:
    rows = [drawn_rows(kind(data_config(), seed=seed), 3) for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]


def shares(
    data: ClipData[Any], pairs: Sequence[tuple[str, str]] = (("folder", "one"),)
) -> list[float]:
    """The share of each (source, word) in what is drawn."""
    rows = drawn_rows(data, 500)
    drawn = Counter((data.kept.clips[row].source, data.kept.clips[row].label) for row in rows)
    return [drawn[pair] / len(rows) for pair in pairs]


PAIRS = (("folder", "one"), ("folder", "two"), ("fsdd", "one"))


@pytest.mark.parametrize(
    ("weights", "balance", "expected"),
    [
        ((1.0, 1.0), 0.0, (4 / 7, 2 / 7, 1 / 7)),
        ((1.0, 1.0), 1.0, (1 / 3, 1 / 3, 1 / 3)),
        ((0.5, 2.0), 0.0, (2 / 5, 1 / 5, 2 / 5)),
        ((0.5, 2.0), 1.0, (1 / 6, 1 / 6, 2 / 3)),
        # 2 w, sqrt(2) w and v, of which the sum is 1 + 0.7071 + 2
        ((0.5, 2.0), 0.5, (0.2697, 0.1907, 0.5395)),
    ],
)
def test_pairs_of_word_and_source_are_balanced_and_weighted(
    kind: Kind,
    data_config: MakeData,
    words_folder: Path,
    tmp_path: Path,
    weights: tuple[float, float],
    balance: float,
    expected: tuple[float, ...],
) -> None:
    """Pairs of n = 4, 2 and 1 clips are drawn in proportion to weight * n^(1 - balance)."""
    own, fsdd = tmp_path / "own", tmp_path / "fsdd"
    link(own, words_folder, "one/take0", "one/take2", "one/take4", "one/take5")
    link(own, words_folder, "two/take0", "two/take2")
    link(fsdd, words_folder, "recordings/1_theo_9")
    sources = (
        Source("folder", str(own), weight=weights[0]),
        Source("fsdd", str(fsdd), ["one"], weight=weights[1]),
    )
    config = data_config(sources=sources, words=("one", "two"), balance=balance)
    assert shares(kind(config, seed=0), PAIRS) == pytest.approx(expected, abs=0.04)


def test_sources_of_one_kind_have_their_own_weights(
    kind: Kind, data_config: MakeData, words_folder: Path
) -> None:
    """The same files as two sources, 1 : 3; also with a word and kind in common."""
    sources = tuple(Source("folder", str(words_folder), weight=weight) for weight in (1.0, 3.0))
    data = kind(data_config(sources=sources), seed=0)
    first = np.array(drawn_rows(data, 500)) < len(data.kept.clips) // 2
    assert first.mean() == pytest.approx(0.25, abs=0.04)


def test_a_weight_does_not_change_the_cache(
    kind: Kind, data_config: MakeData, words_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a cache that was made with other weights is drawn from with these."""
    root = str(words_folder)

    def make(weight: float) -> ClipData[Any]:
        parts = Source("folder", root, ["hum"], weight=weight), Source("folder", root, ["hiss"])
        return kind(data_config(sources=parts), seed=0)

    make(1.0)
    monkeypatch.delattr(cache, "_compute")
    expected = (0.75, 0.25)
    pairs = (("folder", "hum"), ("folder", "hiss"))
    assert shares(make(3.0), pairs) == pytest.approx(expected, abs=0.04)
    assert shares(make(1 / 3), pairs[::-1]) == pytest.approx(expected, abs=0.04)


def test_words_of_other_labels_are_left_out(kind: Kind, data_config: MakeData) -> None:
    data = kind(data_config(words=("hiss",)), seed=0)
    assert data.words == data.kept.words == ("hiss",)
    assert {clip.label for clip in data.kept.clips} == {"hiss"}
    assert len(data.kept.clips) == 7


def test_words_are_those_of_the_config_in_its_order(kind: Kind, data_config: MakeData) -> None:
    assert kind(data_config(), seed=0).words == ("hum", "hiss")
    assert kind(data_config(words=("hiss", "hum")), seed=0).words == ("hiss", "hum")


def test_without_words_all_are_taken(kind: Kind, data_config: MakeData) -> None:
    """In an order that does not depend on the disk."""
    assert kind(data_config(words=None), seed=0).words == ("hiss", "hum")


def test_the_front_end_is_the_one_that_was_given(kind: Kind, data_config: MakeData) -> None:
    mel = MelSettings(log_max=3.0)
    assert kind(data_config(), seed=0, mel=mel).mel == mel
    assert kind(data_config(), seed=0).mel == MelSettings()


def test_words_without_training_clips_are_refused(
    kind: Kind, data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"no training clips of hoot; check data\.sources"):
        kind(data_config(words=("hum", "hoot")), seed=0)
    (tmp_path / "hum").mkdir()
    (tmp_path / "hum" / "take13.wav").symlink_to(words_folder / "hum" / "take13.wav")
    for words in (("hum",), None):
        config = data_config(sources=(Source("folder", str(tmp_path)),), words=words)
        with pytest.raises(ValueError, match="no training clips of hum"):
            kind(config, seed=0)


def test_recordings_without_validation_say_so(
    kind: Kind,
    data_config: MakeData,
    words_folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert kind(data_config(), seed=0).has_validation
    assert not caplog.records
    link(tmp_path, words_folder, "hum/take0", "hum/take2", "hum/take1")
    config = data_config(sources=(Source("folder", str(tmp_path)),), words=("hum",))
    assert not kind(config, seed=0).has_validation
    assert "no validation split" in caplog.text


def test_unknown_word_sets_are_refused(kind: Kind, data_config: MakeData) -> None:
    with pytest.raises(ValueError, match=r"unknown word set 'SC9'; .*: SC09, .*; give a"):
        kind(data_config(words="SC9"), seed=0)


def test_a_share_has_as_many_clips_of_each_word_and_is_nested(
    kind: Kind, data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    """Whatever the seed, and wherever the clips lie."""

    def names(share: float, seed: int = 0, root: Path = words_folder) -> list[str]:
        sources = (Source("folder", str(root)),)
        rows = (data := kind(data_config(sources=sources, share=share), seed=seed)).training_rows
        assert list(rows) == sorted(rows)
        assert {data.kept.splits[row] for row in rows} == {"training"}
        return [f"{data.kept.clips[row].label}/{data.kept.clips[row].path.stem}" for row in rows]

    half = names(0.5)
    assert Counter(name.split("/")[0] for name in half) == {"hum": 2, "hiss": 2}
    assert len(names(1.0)) == 8
    quarter, least = names(0.25), names(0.01)
    assert set(quarter) < set(half)
    assert quarter == least  # one of each word at least
    shutil.copytree(words_folder, tmp_path / "moved")
    assert names(0.5, seed=7, root=tmp_path / "moved") == half


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"share must lie in \(0, 1\]"):
        DataConfig(share=share)
