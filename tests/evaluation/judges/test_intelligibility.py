import sys
from pathlib import Path

import numpy as np
import pytest
import soxr

from scoresubnet.audio.io import read_audio
from scoresubnet.data.clips import list_audio
from scoresubnet.data.words import WORD_SETS
from scoresubnet.evaluation.judges.intelligibility import WordRecogniser


@pytest.fixture(scope="module")
def spoken(recordings: Path) -> list[tuple[str, np.ndarray]]:
    """Three recordings of each of the 18 words."""
    return [
        (word, read_audio(path))
        for word in WORD_SETS["WORDS18"]
        for path in list_audio(recordings / "speech_commands" / word)[:3]
    ]


def test_hears_most_recordings(recogniser, spoken):
    heard = [recogniser.recognise(audio, 16_000) for _, audio in spoken]
    assert set(heard) <= {*recogniser.words, None}
    right = [word == label for word, (label, _) in zip(heard, spoken, strict=True)]
    assert np.mean(right) > 0.8  # a running cepstral mean hears two thirds


def test_a_result_depends_on_its_clip_alone(recogniser, spoken):
    clips = [audio for _, audio in spoken[::3]]

    def heard(order: list[int]) -> dict[int, tuple[str | None, float]]:
        found = {}
        for index in order:
            word = recogniser.recognise(clips[index], 16_000)
            # The score shows a state that lingers long before the word does.
            hypothesis = recogniser._decoder.hyp()
            found[index] = (word, hypothesis.best_score if hypothesis else 0.0)
        return found

    forwards = list(range(len(clips)))
    first = heard(forwards)
    assert len({score for _, score in first.values()}) > 12
    assert heard(forwards[::-1]) == first
    loud = np.random.default_rng(0).uniform(-1, 1, 48_000).astype(np.float32)
    recogniser.recognise(loud, 16_000)
    assert heard([5]) == {5: first[5]}
    assert WordRecogniser(recogniser.words).recognise(clips[5], 16_000) == first[5][0]


def test_level_and_rate_do_not_matter(recogniser, spoken):
    right = [(w, a) for w, a in spoken if recogniser.recognise(a, 16_000) == w][:8]
    for word, audio in right:
        assert recogniser.recognise(1e-3 * audio, 16_000) == word
        assert recogniser.recognise(soxr.resample(audio, 16_000, 48_000), 48_000) == word


def test_silence_and_noise_are_no_word(recogniser):
    assert recogniser.recognise(np.zeros(16_000), 16_000) is None
    noise = np.random.default_rng(0).standard_normal(16_000)
    assert recogniser.recognise(noise, 16_000) is None
    assert recogniser.recognise([1.0], 16_000) is None


@pytest.mark.parametrize(
    "audio", [np.zeros((2, 100)), np.zeros(0), np.array([0.1, np.nan]), np.array([np.inf])]
)
def test_unusable_audio_is_refused(recogniser, audio):
    with pytest.raises(ValueError, match="finite samples"):
        recogniser.recognise(audio, 16_000)


@pytest.mark.parametrize("word", ["qwxz", "Zero", "zero(2)", "zero | one", "<sil>"])
def test_words_outside_the_dictionary_are_named(recogniser, word):
    with pytest.raises(ValueError, match="not in the dictionary") as caught:
        WordRecogniser(["one", word])
    assert repr(word) in str(caught.value)
    assert "'one'" not in str(caught.value)


def test_missing_pocketsphinx_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(ImportError, match=r'pip install "scoresubnet\[evaluate\]"'):
        WordRecogniser(["one"])
