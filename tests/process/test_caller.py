"""The caller's settings of torch change no result, and are as before afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.model import ScoreModel
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.process.caller import undisturbed
from scoresubnet.vocoders import load_vocoder, resynthesise
from scoresubnet.weights import ModelFile, load_model, save_model
from scoresubnet.word_evaluator.file import DEFAULT, read_evaluator


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Path:
    model = make_score_model("v", classes=2)
    classifier, path = model.backbone.classifier, tmp_path / "tiny.safetensors"
    save_model(
        ModelFile(classifier, ("yes", "no"), model.sde, MelSettings(), model.subnet, "v"), path
    )
    return path


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


WORLDS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "plain": lambda: default_dtype(torch.float32),
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "meta by default": lambda: default_device("meta"),
    "meta around": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
}
each_world = pytest.mark.parametrize("world", WORLDS)


def state() -> dict[str, object]:
    return {
        "random": torch.get_rng_state().tolist(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "inference": torch.is_inference_mode_enabled(),
        "grad": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
    }


def spoken(weights: Path, vocoder: str) -> GeneratedSpeech:
    generator = SpeechGenerator.from_pretrained(weights, vocoder)
    return generator.generate(["yes", "none", "no"], seeds=[3, 4, 5], steps=3)


@each_world
@pytest.mark.parametrize("vocoder", ["pitch", "griffin-lim"])
def test_speech_is_the_same_to_the_bit(weights: Path, world: str, vocoder: str) -> None:
    expected = spoken(weights, vocoder)
    with WORLDS[world]():
        before = state()
        found = spoken(weights, vocoder)
        assert state() == before
    for name in ("mels", "audio", "confidence"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert ours.dtype == np.float32
        assert np.array_equal(ours, theirs), name
    assert found.heard == expected.heard


@each_world
def test_what_is_loaded_is_the_same_and_can_be_used_anywhere(weights: Path, world: str) -> None:
    """Trained too: inference mode makes tensors that cannot be."""
    with WORLDS[world]():
        before = state()
        file, evaluator = load_model(weights), read_evaluator(DEFAULT)
        front_end, vocoder = LogMel(), load_vocoder("pitch")
        assert state() == before
    expected = load_model(weights).score_model().state_dict()
    for name, tensor in file.score_model().state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    shipped = read_evaluator(DEFAULT).network.state_dict()
    assert all(torch.equal(v, shipped[k]) for k, v in evaluator.network.state_dict().items())
    np.testing.assert_array_equal(front_end.window, LogMel().window)
    model = file.score_model()
    loss = model(torch.zeros(1, 1, 80, 64), torch.full((1,), 0.5)).square().sum()
    loss.backward()
    audio = np.sin(np.arange(4000, dtype=np.float32) / 9)
    expected_sound = resynthesise(audio, load_vocoder("pitch"))
    np.testing.assert_array_equal(resynthesise(audio, vocoder), expected_sound)


@each_world
def test_vocoders_sound_the_same(world: str) -> None:
    vocoder = load_vocoder("pitch")
    audio = np.sin(np.arange(4000, dtype=np.float32) / 9)
    expected = resynthesise(audio, vocoder)
    with WORLDS[world]():
        before = state()
        found = resynthesise(audio, vocoder)
        assert state() == before
    np.testing.assert_array_equal(found, expected)


def test_an_error_leaves_the_callers_settings_alone(weights: Path) -> None:
    generator = SpeechGenerator.from_pretrained(weights)
    with default_dtype(torch.float64), torch.inference_mode():
        before = state()
        with pytest.raises(ValueError, match="unknown label"):
            generator.generate("maybe")
        assert state() == before


def test_the_default_dtype_returns_when_the_last_of_several_threads_leaves() -> None:
    """The first one leaves while the second is inside, which needs float32 to its end."""
    entered, left = threading.Event(), threading.Event()
    seen: list[torch.dtype] = []

    def second() -> None:
        with undisturbed():
            entered.set()
            left.wait(20)
            seen.append(torch.get_default_dtype())

    with default_dtype(torch.float64):
        thread = threading.Thread(target=second)
        with undisturbed():
            thread.start()
            assert entered.wait(20)
        left.set()
        thread.join()
        seen.append(torch.get_default_dtype())
    assert seen == [torch.float32, torch.float64]
