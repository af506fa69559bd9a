"""Clips of espeak-ng."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from scoresubnet.experiments.own_words import espeak
from scoresubnet.experiments.own_words.espeak import PROGRAM, speak
from scoresubnet.experiments.own_words.words import LANGUAGES

VOICES = """Pty Language       Age/Gender VoiceName          File                 Other Languages
 2  en-gb           --/M      English_(Great_Britain) gmw/en               (en 2)
 5  en              --/M      Storm              !v/Storm
 5  variant         35/M      Mr_Serious         !v/Mr serious
"""


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
def test_espeak_speaks(tmp_path: Path) -> None:
    speak(LANGUAGES["english"], 2, 0, tmp_path / "spoken")
    paths = sorted((tmp_path / "spoken").glob("*/*.wav"))
    assert [path.parent.name for path in paths] == sorted([*LANGUAGES["english"].words] * 2)
    sounds = [soundfile.read(path)[0] for path in paths]
    assert all(np.abs(sound).max() > 0.05 for sound in sounds)
    for sound in sounds:  # not the half second of silence that espeak-ng adds
        (loud,) = np.nonzero(np.abs(sound) > 0.015 * np.abs(sound).max())
        assert loud[0] < 500
        assert len(sound) - loud[-1] < 500
    assert len({sound.tobytes() for sound in sounds}) == len(sounds)


def test_espeak_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="espeak-ng is not installed; `apt-get install"):
        speak(LANGUAGES["english"], 1, 0, tmp_path / "spoken")
    assert not (tmp_path / "spoken").exists()


def test_what_espeak_complains_of_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "no\nvoice\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="espeak-ng failed: no voice"):
        espeak._listed("en")


def test_voices_are_read_by_column(monkeypatch: pytest.MonkeyPatch) -> None:
    table = subprocess.CompletedProcess([], 0, VOICES, "")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: table)
    assert espeak._listed("en") == ["gmw/en", "Storm", "Mr serious"]


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
def test_arabic_is_spoken_with_its_vowels() -> None:
    """Written words lack the short ones, and espeak-ng adds none; in its own letters."""
    arabic = LANGUAGES["arabic"]
    assert arabic.words == ("arbaa", "asfal", "sifr", "sitta", "thamaniya")
    phonemes = ("?'aRbaA,ah", "?'asfal", "s['i.fR", "s'it:ah", "Tama:n'ijah")
    for text, expected in zip(arabic.spoken, phonemes, strict=True):
        command = [PROGRAM, "-q", "-v", "ar", "-x", text]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert found.strip() == expected
