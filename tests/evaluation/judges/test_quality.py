import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.data.clips import list_audio
from scoresubnet.evaluation.judges.quality import (
    DISTILLMOS_INSTALL,
    DNSMOS,
    DistillMOS,
    QualityPredictor,
)

MAKEFILE = Path(__file__).resolve().parents[3] / "Makefile"


@pytest.fixture(scope="module")
def words(recordings) -> list[Audio]:
    """Three recordings of a second."""
    return [
        fit_length(read_audio(path), 16_000)
        for path in list_audio(recordings / "speech_commands" / "happy")[:3]
    ]


@pytest.fixture(params=["dnsmos", "distillmos"])
def predictor(request) -> QualityPredictor:
    return request.getfixturevalue(request.param)


def test_names_and_range(predictor, words):
    scores = predictor(words[0])
    assert tuple(scores) == predictor.scores
    assert all(1 <= score <= 5 and type(score) is float for score in scores.values())
    assert all(isinstance(value, str) for value in predictor.settings.values())


def test_a_score_depends_on_its_clip_alone(predictor, words):
    first = [predictor(word) for word in words]
    assert len({tuple(scores.values()) for scores in first}) == len(words)
    loud = np.random.default_rng(0).uniform(-1, 1, 48_000).astype(np.float32)
    predictor(loud)
    assert [predictor(word) for word in words[::-1]] == first[::-1]
    assert type(predictor)()(words[1]) == first[1]


def test_no_random_state_is_touched(predictor, words):
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    states = (torch.get_rng_state(), random.getstate())
    type(predictor)()(words[0])
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_equal(np.random.get_state(legacy=False), before)  # noqa: NPY002
    assert random.getstate() == states[1]


@pytest.mark.parametrize("score", ["dnsmos_bak", "dnsmos_p808", "distillmos"])
def test_noise_sounds_worse(score, words, request):
    predictor = request.getfixturevalue(score.split("_")[0])
    noise = np.random.default_rng(0).standard_normal(16_000)

    def mean(level):
        return np.mean([predictor(np.clip(w + level * noise, -1, 1))[score] for w in words])

    assert mean(0) > mean(0.02) + 0.1


@pytest.mark.parametrize(
    "audio", [np.zeros((2, 100)), np.zeros(0), np.array([0.1, np.nan]), np.array([0.2, -1.01])]
)
def test_unusable_audio_is_refused(predictor, audio):
    with pytest.raises(ValueError, match=r"finite samples|within \[-1, 1\]"):
        predictor(audio)


@pytest.mark.parametrize("length", [11_146, 16_000, 190_000])
def test_dnsmos_agrees_with_its_package(dnsmos, words, length):
    """Whose rule of windows is the same code for 0.7 s, repeated, and for 11.9 s, in two."""
    from speechmos import dnsmos as package

    audio = np.tile(words[0] * np.float32(0.9), 12)[:length]
    expected = package.run(audio, 16_000)
    for name, score in dnsmos(audio).items():
        key = f"{name.removeprefix('dnsmos_')}_mos"
        assert score == pytest.approx(expected[key], abs=1e-4)


def test_dnsmos_hears_equal_windows_once(dnsmos, words):
    ((window, count),) = dnsmos._windows(words[0])
    assert count == 7
    np.testing.assert_array_equal(window, np.tile(words[0], 10)[:144_160])
    assert [n for _, n in dnsmos._windows(words[0][:11_146])] == [1] * 2  # 11.1 s: at 0 and 1 s
    assert len(dnsmos._windows(np.tile(words[0], 9))) == 1  # 9 s: 18 s by the rule


def test_dnsmos_keeps_to_the_number_of_threads(dnsmos):
    for threads in (1, 2):
        model = DNSMOS(threads)._model
        for session in (model.onnx_sess, model.p808_onnx_sess):
            assert session.get_session_options().intra_op_num_threads == threads
    options = dnsmos._model.onnx_sess.get_session_options()
    assert options.intra_op_num_threads == torch.get_num_threads()


def test_distillmos_is_that_of_its_package(distillmos, words):
    with torch.no_grad():
        together = distillmos._model(torch.from_numpy(np.stack(words)))[:, 0]
    alone = [distillmos(word)["distillmos"] for word in words]
    np.testing.assert_allclose(alone, together.numpy(), atol=1e-4)
    assert distillmos(0.1 * words[0])["distillmos"] == pytest.approx(alone[0], abs=1e-3)


def test_distillmos_leaves_nothing_behind(distillmos, capsys):
    DistillMOS()
    assert capsys.readouterr().out == ""
    module = sys.modules.get("torchaudio")
    assert module is None or hasattr(module, "__version__")


@pytest.mark.parametrize("package", ["speechmos", "onnxruntime"])
def test_missing_dnsmos_says_what_to_install(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "scoresubnet\[evaluate\]"'):
        DNSMOS()


def test_missing_distillmos_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distillmos", None)
    with pytest.raises(ImportError, match="pip install --no-deps distillmos"):
        DistillMOS()
    assert DISTILLMOS_INSTALL.removeprefix("pip install --no-deps ") in MAKEFILE.read_text()
