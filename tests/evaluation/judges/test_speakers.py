"""Spread of voices: closed forms, and the encoder of the package."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scoresubnet.audio.io import read_audio
from scoresubnet.data.clips import list_audio
from scoresubnet.evaluation.judges.speakers import (
    RESEMBLYZER_INSTALL,
    Resemblyzer,
    speaker_spread,
    vendi_score,
)

MAKEFILE = Path(__file__).resolve().parents[3] / "Makefile"


def test_one_voice_has_no_spread() -> None:
    spread = speaker_spread(np.tile([[1.0, 2.0, 2.0]], (7, 1)))
    assert spread.distance == pytest.approx(0, abs=1e-12)
    assert spread.voices == pytest.approx(1)
    assert spread.count == 7
    json.dumps(spread.to_dict())


@pytest.mark.parametrize("each", [1, 4])
def test_unlike_voices_are_counted(each: int) -> None:
    """K voices at right angles, of n clips each: K, and (K - 1) n / (K n - 1) pairs differ."""
    spread = speaker_spread(np.repeat(np.eye(5), each, axis=0))
    assert spread.voices == pytest.approx(5)
    assert spread.distance == pytest.approx(4 * each / (5 * each - 1))


def test_unequal_shares_count_for_less() -> None:
    """Two voices, one in nine of ten clips: exp of the entropy of (0.9, 0.1)."""
    rows = np.eye(2)[[0] * 9 + [1]]
    assert vendi_score(rows) == pytest.approx(np.exp(-0.9 * np.log(0.9) - 0.1 * np.log(0.1)))


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.0])
def test_two_clips_at_an_angle(angle: float) -> None:
    """K / 2 has the eigenvalues (1 + cos) / 2 and (1 - cos) / 2."""
    rows = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    shares = np.array([1 + np.cos(angle), 1 - np.cos(angle)]) / 2
    spread = speaker_spread(rows)
    assert spread.voices == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert spread.distance == pytest.approx(1 - np.cos(angle))


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_by_the_definitions(shape: tuple[int, int]) -> None:
    """The (N, N) matrix of cosines; lengths of rows and their order do not matter."""
    rows = np.random.default_rng(0).normal(0.5, 1, shape)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    values = np.linalg.eigvalsh(cosines / len(rows))
    values = values[values > 1e-12]
    pairs = cosines[np.triu_indices(len(rows), 1)]
    spread = speaker_spread(rows[::-1] * np.linspace(0.1, 9, len(rows))[:, None])
    assert spread.voices == pytest.approx(np.exp(-(values * np.log(values)).sum()))
    assert spread.distance == pytest.approx(1 - pairs.mean())


def test_unusable_embeddings_are_refused() -> None:
    with pytest.raises(ValueError, match="too few: 1"):
        speaker_spread(np.ones((1, 3)))
    with pytest.raises(ValueError, match="no direction"):
        speaker_spread(np.array([[1.0, 2.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="NaN"):
        vendi_score(np.array([[1.0, np.nan]]))
    assert vendi_score(np.array([[0.0, 3.0]])) == pytest.approx(1)


@pytest.fixture(scope="module")
def voices(recordings: Path) -> dict[str, list[np.ndarray]]:
    """Three people saying the same five digits."""
    paths = list_audio(recordings / "fsdd" / "recordings")
    return {
        name: [read_audio(p) for p in paths if f"_{name}_" in p.name and p.name[0] in "02468"][:5]
        for name in ("george", "jackson", "theo")
    }


def test_the_encoder_is_that_of_its_package(resemblyzer: Resemblyzer, voices) -> None:
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)
    clips = [*voices["george"][:2], np.tile(voices["theo"][0], 6)]
    found = resemblyzer(clips).embedding
    assert found.shape == (3, 256)
    expected = [encoder.embed_utterance(preprocess_wav(clip)) for clip in clips]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_more_people_are_more_voices(resemblyzer: Resemblyzer, voices) -> None:
    rows = {name: resemblyzer(clips).embedding for name, clips in voices.items()}
    assert all(len(row) == 5 for row in rows.values())
    alone = [speaker_spread(row) for row in rows.values()]
    mixed = speaker_spread(np.vstack([row[k : k + 2] for k, row in enumerate(rows.values())]))
    assert mixed.distance > max(spread.distance for spread in alone)


def test_silence_and_short_sounds_have_a_row(resemblyzer: Resemblyzer) -> None:
    noise = np.random.default_rng(0).normal(0, 1e-6, 16_000).astype(np.float32)
    rows = resemblyzer([np.zeros(16_000, dtype=np.float32), noise, noise[:100]]).embedding
    assert np.isfinite(rows).all()


def test_no_random_state_is_touched_and_nothing_is_printed(resemblyzer, capsys) -> None:
    before = torch.get_rng_state()
    fresh = Resemblyzer()
    assert torch.equal(torch.get_rng_state(), before)
    assert capsys.readouterr().out == ""
    clip = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    np.testing.assert_array_equal(fresh([clip]).embedding, resemblyzer([clip]).embedding)
    json.dumps(fresh.settings)


@pytest.mark.parametrize("package", ["resemblyzer", "webrtcvad"])
def test_a_missing_package_says_what_to_install(package: str, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("resemblyzer")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match="pip install --no-deps resemblyzer"):
        Resemblyzer()
    assert RESEMBLYZER_INSTALL.removeprefix("pip install --no-deps ") in MAKEFILE.read_text()
