"""Long log-Mels: what is made in pieces is what would be made in one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor, nn

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders import GriffinLim, Vocoder, load_vocoder, pieces, resynthesise
from scoresubnet.vocoders.file import read_vocoder
from scoresubnet.vocoders.hifigan import load_hifigan
from scoresubnet.vocoders.paths import SHIPPED
from scoresubnet.vocoders.pieces import joined
from scoresubnet.vocoders.pitch_network import reader_of
from scoresubnet.vocoders.pitch_vocoder import PitchVocoder
from scoresubnet.vocoders.stft import RepeatedSTFT

SETTINGS = MelSettings()
HOP = SETTINGS.hop_length
Floats = NDArray[np.float32]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 384 frames, which go on by 192."""
    monkeypatch.setattr(pieces, "LONGEST", 96)


@pytest.fixture(scope="module")
def voice() -> Floats:
    """Twelve seconds (N,) of a loud voice that glides, in noise: 752 frames."""
    time = np.arange(12 * 16_000) / 16_000
    cycles = np.cumsum((150 + 30 * np.sin(2 * np.pi * 0.3 * time)) / 16_000)
    partials = sum(np.sin(2 * np.pi * k * cycles) / k for k in range(1, 20))
    hiss = 0.03 * np.random.default_rng(0).standard_normal(len(time))
    return (0.4 * partials + hiss).astype(np.float32)


def whole(audio: Floats, vocoder: Vocoder) -> Floats:
    """The same in one piece."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "LONGEST", 10_000)
        return resynthesise(audio, vocoder)


def decibels(expected: Floats, found: Floats) -> Floats:
    """The power of what is expected beside that of the difference, of each 32 frames."""
    power, error = (
        np.square(s[: len(s) // (32 * HOP) * 32 * HOP].reshape(-1, 32 * HOP)).mean(1)
        for s in (expected, found - expected)
    )
    return 10 * np.log10(power / np.maximum(error, 1e-20))


def test_pieces_cover_all_frames_and_overlap() -> None:
    """Ten seconds and more are one piece, so that their sound is what it always was."""
    assert pieces.pieces(4, SETTINGS) == [(0, 4)]
    assert pieces.pieces(1536, SETTINGS) == [(0, 1536)]
    assert 1536 * HOP > 10 * 16_000
    for frames in (1537, 2880, 2881, 5000):
        found = pieces.pieces(frames, SETTINGS)
        assert (found[0][0], found[-1][1]) == (0, frames)
        assert all(end - first <= 1536 for first, end in found)
        assert all(a[1] - b[0] == 192 for a, b in pairwise(found))
        assert found[-1][1] - found[-1][0] > 192


@pytest.mark.usefixtures("short")
def test_sounds_are_faded_in_the_middle_of_what_they_share() -> None:
    lengths = {1: 383 * HOP, 2: 383 * HOP, 3: 215 * HOP}
    sounds = (np.full((2, length), level, np.float32) for level, length in lengths.items())
    audio = joined(sounds, 600, SETTINGS)
    assert audio.shape == (2, 599 * HOP)
    np.testing.assert_array_equal(audio[0], audio[1])
    for k, first in ((1, 192), (2, 384)):
        fade = audio[0, (first + 80) * HOP : (first + 112) * HOP]
        np.testing.assert_allclose(fade, np.linspace(k, k + 1, 32 * HOP), rtol=1e-6)
        assert audio[0, (first + 80) * HOP - 1] == k
        assert audio[0, (first + 112) * HOP] == k + 1


@pytest.mark.usefixtures("short")
def test_one_voice_goes_through_all_pieces(voice: Floats) -> None:
    """Sample by sample: where pieces start alike they stay alike, in phase and in level."""
    vocoder = load_vocoder("pitch")
    found, expected = resynthesise(voice, vocoder), whole(voice, vocoder)
    assert np.abs(expected).max() == pytest.approx(1)  # scaled down, as one
    assert decibels(expected, found).min() > 20


@pytest.mark.usefixtures("short")
def test_random_phases_are_as_good_at_a_seam_as_elsewhere(voice: Floats) -> None:
    vocoder = GriffinLim()
    found = resynthesise(voice, vocoder)
    log_mel = LogMel().log_mel(np.stack([voice, found]))
    distance = np.abs(log_mel[1] - log_mel[0]).mean(0)
    distance = distance - np.median(distance)  # a level that is that of the whole
    for seam in (192 + 96, 384 + 96):
        near, inside = distance[seam - 24 : seam + 24], distance[seam - 84 : seam - 24]
        assert near.mean() < inside.mean() + 0.02
        assert near.max() < np.quantile(np.abs(distance), 0.99) + 0.05


@pytest.mark.usefixtures("short")
def test_items_are_of_one_kind_alone_or_together(voice: Floats) -> None:
    front_end = LogMel()
    x = front_end.scale(front_end.log_mel(np.stack([voice, voice[::-1]])[:, : 450 * HOP]))
    vocoder = load_vocoder("pitch")
    np.testing.assert_array_equal(vocoder(x)[1:], vocoder(x[1:]))


@pytest.mark.usefixtures("short")
def test_hifi_gan_is_the_same_but_for_rounding(
    speechbrain_folder: Callable[..., Path], voice: Floats
) -> None:
    vocoder = load_hifigan(str(speechbrain_folder()))
    audio = voice[: 5 * 16_000 * 2]
    np.testing.assert_allclose(
        resynthesise(audio, vocoder), whole(audio, vocoder), atol=1e-5, rtol=0
    )


@pytest.mark.usefixtures("short")
def test_no_network_and_no_iteration_sees_more_than_a_piece(
    speechbrain_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, voice: Floats
) -> None:
    seen: list[int] = []
    make, log_mel = RepeatedSTFT.__init__, LogMel.log_mel

    def repeated(
        self: RepeatedSTFT, settings: MelSettings, frames: int, *rest: Any, **named: Any
    ) -> None:
        seen.append(frames)
        make(self, settings, frames, *rest, **named)

    def hook(network: nn.Module, given: tuple[Tensor, ...], made: object) -> None:
        seen.append(max(given[0].shape[1:]) - 32)  # with the context of either end

    def counted(self: LogMel, audio: Floats) -> Floats:
        seen.append(audio.shape[1] // HOP)
        return log_mel(self, audio)

    monkeypatch.setattr(RepeatedSTFT, "__init__", repeated)
    monkeypatch.setattr(LogMel, "log_mel", counted)
    network, hifigan = read_vocoder(SHIPPED).network, load_hifigan(str(speechbrain_folder()))
    pitch = PitchVocoder(reader_of(network), SETTINGS)
    network.register_forward_hook(hook)
    hifigan.network.register_forward_hook(hook)
    for vocoder in (pitch, GriffinLim(iterations=1), hifigan):
        resynthesise(voice[: 8 * 16_000], vocoder)
    assert len(seen) > 12
    assert max(seen) <= 384


@pytest.mark.usefixtures("short")
def test_features_are_those_of_the_whole(voice: Floats) -> None:
    """At a seam no frame is made of zeros or of a reflection."""
    given: list[Floats] = []

    class Listener(GriffinLim):
        def __call__(self, x: Floats) -> Floats:
            given.append(x)
            return np.zeros((1, x.shape[3] * HOP), np.float32)

    resynthesise(voice[: 10 * 16_000], Listener())
    whole(voice[: 10 * 16_000], Listener())
    found, expected = given
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
