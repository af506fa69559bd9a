from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoresubnet.audio.io import write_wav
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.clips import Clip
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.evaluation import reference
from scoresubnet.evaluation.reference import first_clips, reference_recognition, through_vocoder
from scoresubnet.vocoders import GriffinLim


def test_first_clips_of_each_label():
    def clip(label, split, number):
        return Clip(Path(f"{label}{number}.wav"), label, split, "folder")

    clips = [clip(w, s, n) for w in ("b", "a") for s in ("training", "testing") for n in range(3)]
    chosen = first_clips(clips, "testing", 2)
    assert [c.path.stem for c in chosen] == ["b0", "b1", "a0", "a1"]
    assert {c.split for c in chosen} == {"testing"}


def test_through_vocoder_keeps_the_pitch():
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(8000) / 16_000).astype(np.float32)
    restored = through_vocoder(tone, GriffinLim(iterations=4))
    assert restored.shape == (16_000,)
    assert restored.dtype == np.float32
    assert abs(int(np.abs(np.fft.rfft(restored)).argmax()) - 500) < 40


@pytest.fixture
def clips(recordings) -> list[Clip]:
    """Two testing clips of each of two words."""
    root = recordings / "speech_commands"
    return first_clips(find_speech_commands(root, ["seven", "nine"]), "testing", 2)


@pytest.fixture
def heard_by(recogniser, monkeypatch) -> list[int]:
    """The rates of the clips that are really recognised."""
    rates: list[int] = []

    def recognise(audio, rate):
        rates.append(rate)
        return type(recogniser).recognise(recogniser, audio, rate)

    monkeypatch.setattr(recogniser, "recognise", recognise)
    return rates


def test_references_are_heard_once(recogniser, clips, tmp_path, heard_by):
    def hear(clips=clips, vocoder=None):
        heard_by.clear()
        result = reference_recognition(recogniser, clips, vocoder, tmp_path, progress=False)
        return result, len(heard_by)

    untouched, count = hear()
    assert untouched.labels == ("seven", "seven", "nine", "nine")
    assert count == 4
    assert sum(untouched.right) >= 3
    assert hear() == (untouched, 0)
    vocoded, count = hear(vocoder=GriffinLim())
    assert count == 4
    assert sum(vocoded.right) >= 3
    assert hear(vocoder=GriffinLim()) == (vocoded, 0)
    # Anything the result depends on is heard again.
    assert hear(vocoder=GriffinLim(iterations=8))[1] == 4
    assert hear(vocoder=GriffinLim(MelSettings(log_max=2.5)))[1] == 4
    assert hear(clips=clips[:3])[1] == 3
    longer = tmp_path / "recordings" / clips[0].path.name
    write_wav(longer, np.ones(10, dtype=np.float32))
    assert hear(clips=[replace(clips[0], path=longer), *clips[1:]])[1] == 4
    assert hear() == (untouched, 0)


def test_a_failure_leaves_nothing_behind(recogniser, clips, tmp_path, monkeypatch):
    def broken(path, rate):
        raise ValueError(f"{path}: broken")

    monkeypatch.setattr(reference, "read_audio", broken)
    with pytest.raises(ValueError, match="broken"):
        reference_recognition(recogniser, clips, None, tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_another_rate_than_the_recogniser_is_refused(recogniser, clips, tmp_path):
    slow = GriffinLim(MelSettings(sample_rate=8000, f_max=4000.0, clip_seconds=2.0))
    with pytest.raises(ValueError, match="8000 Hz"):
        reference_recognition(recogniser, clips, slow, tmp_path, progress=False)
