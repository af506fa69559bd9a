import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.audio.io import read_audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.sources import Source
from scoresubnet.training.config import DataConfig
from scoresubnet.training.datamodule import SpeechData
from scoresubnet.training.waveform_data import WaveformData

MakeData = Callable[..., DataConfig]


@pytest.fixture
def data(data_config: MakeData) -> WaveformData:
    return WaveformData(data_config(), seed=0)


def link(folder: Path, words_folder: Path, *names: str) -> tuple[Source]:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.wav").symlink_to(words_folder / "hum" / f"{Path(name).name}.wav")
    return (Source("folder", str(folder)),)


def test_audio_of_a_batch(data: WaveformData) -> None:
    """The files are of 16 bits: they come back exactly."""
    audio, f0 = next(iter(data.train_dataloader()))
    assert (audio.shape, f0.shape) == ((4, 16_000), (4, 63))
    assert audio.dtype == f0.dtype == torch.float32
    batches = data.train_dataloader().batch_sampler
    assert batches is not None
    rows = next(iter(batches))
    for item, row in zip(audio, rows, strict=True):
        path = data.waveforms.clips[row].path
        np.testing.assert_array_equal(item.numpy(), read_audio(path, 16_000))


def test_pitch_is_that_of_the_clip(data: WaveformData) -> None:
    """hum/take<n> is a tone of 120 Hz and more."""
    rows = [k for k, clip in enumerate(data.waveforms.clips) if clip.label == "hum"]
    audio, f0 = data.batch(rows)
    for clip, track in zip(audio, f0, strict=True):
        power = torch.fft.rfft(clip).abs()
        assert track[10:50].median().item() == pytest.approx(power.argmax().item(), rel=0.02)
    assert data.tracks.clips == data.waveforms.clips


def test_full_scale_is_one(data: WaveformData, monkeypatch: pytest.MonkeyPatch) -> None:
    extremes = np.array([[-32_768, 32_767], [0, 16_384]], dtype=np.int16)
    monkeypatch.setattr(data.waveforms, "values", extremes)
    assert data.batch([1, 0]).audio.tolist() == [[0.0, 0.5], [-1.0, 1 - 2**-15]]


def test_a_batch_does_not_write_into_the_cache(data: WaveformData) -> None:
    before = data.batch([0])
    for values in data.batch([0]):
        values.mul_(0)
    assert all(map(torch.equal, data.batch([0]), before))


def test_validation_is_of_audio(data: WaveformData) -> None:
    ((audio, _),) = data.val_dataloader()
    assert audio.shape == (4, 16_000)
    rows = data.waveforms.subset("validation")
    expected = [read_audio(data.waveforms.clips[row].path, 16_000) for row in rows]
    np.testing.assert_array_equal(audio.numpy(), np.stack(expected))


def test_steps_draw_the_clips_that_log_mels_would(data_config: MakeData) -> None:
    """Also where the labels are in another order: the vocoder's are sorted."""
    config = data_config(balance=1.0, words=("hum", "hiss"))
    kinds = SpeechData(config, seed=5), WaveformData(config, seed=5)
    assert kinds[0].kept.words != kinds[1].kept.words
    drawn = []
    for kind in kinds:
        batches = kind.train_dataloader().batch_sampler
        assert batches is not None
        rows = itertools.chain(*itertools.islice(batches, 5))
        drawn.append([kind.kept.clips[row] for row in rows])
    assert drawn[0] == drawn[1]


def test_length_is_that_of_the_front_end(data_config: MakeData) -> None:
    half = WaveformData(data_config(), seed=0, mel=MelSettings(clip_seconds=0.5))
    assert [tuple(kept.shape) for kept in half.batch([0, 1])] == [(2, 8_000), (2, 32)]


def test_only_named_words_need_training_clips(
    data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    """take13 is for validation: of use to a vocoder, whatever the word."""
    sources = link(tmp_path, words_folder, "hum/take0", "hiss/take13")
    found = WaveformData(data_config(sources=sources, words=None), seed=0)
    assert found.words == ("hiss", "hum")
    assert found.has_validation
    with pytest.raises(ValueError, match="no training clips of hiss;"):
        WaveformData(data_config(sources=sources, words=("hum", "hiss")), seed=0)


def test_a_word_may_be_called_none(
    data_config: MakeData, words_folder: Path, tmp_path: Path
) -> None:
    sources = link(tmp_path, words_folder, "none/take0")
    assert WaveformData(data_config(sources=sources, words=None), seed=0).words == ("none",)
