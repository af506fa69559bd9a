"""Griffin-Lim: the algorithm, and the vocoder that is little else."""

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.griffin_lim import GriffinLim, GriffinLimSettings, griffin_lim
from scoresubnet.vocoders.stft import RepeatedSTFT

Floats = NDArray[np.float32]


def speechlike(samples: int = 4096) -> Floats:
    """(1, samples): a buzz with a falling spectrum, and a little noise."""
    t = np.arange(samples) / 16_000
    buzz = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 40))
    noise = np.random.default_rng(0).standard_normal(samples)
    return (0.1 * buzz + 0.01 * noise)[None].astype(np.float32)


def spectrum_of(audio: Floats) -> NDArray[np.complex64]:
    """(B, T, bins); rows are frames."""
    spectrum: NDArray[np.complex64] = LogMel().stft(audio).mT
    return spectrum


def stft() -> RepeatedSTFT:
    """Of the frames of `speechlike`."""
    return RepeatedSTFT(LogMel().settings, 17)


@pytest.mark.parametrize("iterations", [0, 3])
def test_audio_is_a_fixed_point_of_its_own_spectrum(iterations: int) -> None:
    audio = speechlike()
    spectrum = spectrum_of(audio)
    again = griffin_lim(spectrum, lambda _: np.abs(spectrum), stft(), iterations, 0.99)
    np.testing.assert_allclose(again, audio, rtol=0, atol=1e-4)
    assert again.dtype == np.float32


def test_iterations_make_the_spectrum_consistent() -> None:
    magnitude = np.abs(spectrum_of(speechlike()))
    turns = np.random.default_rng(2).random(magnitude.shape)
    start = np.exp(2j * np.pi * turns).astype(np.complex64)

    def distance(iterations: int, momentum: float) -> float:
        audio = griffin_lim(start, lambda _: magnitude, stft(), iterations, momentum)
        return float(np.linalg.norm(np.abs(spectrum_of(audio)) - magnitude))

    assert distance(32, 0.0) < 0.5 * distance(0, 0.0)
    assert distance(32, 0.99) < distance(32, 0.0)


def test_magnitudes_may_lead() -> None:
    """With a lead of 1 they are those of twice the last audio less the one before, here nothing."""
    seen: list[Floats] = []

    def kept(found: Floats) -> Floats:
        seen.append(found.copy())  # a buffer that the next iteration fills anew
        return found

    griffin_lim(spectrum_of(speechlike()), kept, stft(), 1, 0.0, lead=1.0)
    np.testing.assert_allclose(seen[1], 2 * seen[0], rtol=1e-3, atol=1e-3)


def test_wanted_magnitudes_may_follow_the_audio() -> None:
    seen = []

    def louder(found: Floats) -> Floats:
        seen.append(found.sum())
        return 2 * found

    audio = griffin_lim(spectrum_of(speechlike()), louder, stft(), 2, 0.0)
    assert seen[1] == pytest.approx(2 * seen[0], rel=1e-3)
    np.testing.assert_allclose(audio, 8 * speechlike(), rtol=1e-3, atol=1e-3)


def harmonics(pitch: float, level: float = 0.1) -> Floats:
    """One second of a tone with 20 partials that fades in and out, (1, 16000)."""
    time = np.arange(16_000) / 16_000
    partials = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 21))
    return (level * np.sin(np.pi * time) ** 2 * partials)[None].astype(np.float32)


def root_mean_square(error: Floats) -> float:
    return float(np.sqrt(np.square(error).mean()))


def log_mel_error(x: Floats, audio: Floats) -> float:
    """Root mean square error in nats over the bins that are not nearly silent."""
    front_end = LogMel()
    error = front_end.unscale(front_end(audio)) - front_end.unscale(x)
    return root_mean_square(error[x[:, 0] > -0.5])


@pytest.fixture(scope="module")
def x() -> Floats:
    made: Floats = LogMel()(np.concatenate([harmonics(150), harmonics(220), harmonics(330)]))
    return made


def test_one_clip_is_one_second_within_full_scale(x):
    audio = GriffinLim()(x)
    assert audio.shape == (3, 16_000)
    assert audio.dtype == np.float32
    assert 0.01 < np.abs(audio).max() <= 1


@pytest.mark.parametrize("frames", [4, 40, 100])
def test_length_follows_the_frames(x, frames):
    x = np.tile(x[:1], 2)[..., :frames]
    assert GriffinLim(iterations=1)(x).shape == (1, (frames - 1) * 256 - 128)


def test_mel_bands_are_inverted(x):
    voc = GriffinLim()
    bands = voc.front_end.filters @ voc.magnitudes(x).mT
    error = np.log(np.maximum(bands, 1e-5)) - voc.front_end.unscale(x)
    assert voc.magnitudes(x).min() >= 0
    assert root_mean_square(error[x[:, 0] > -0.5]) < 0.05


def test_round_trip_is_close_and_improves_with_iterations(x):
    errors = [log_mel_error(x, GriffinLim(iterations=n)(x)) for n in (0, 4, 32)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.42


def test_momentum_is_faster(x):
    plain, fast = (log_mel_error(x, GriffinLim(momentum=m)(x)) for m in (0.0, 0.99))
    assert fast < plain


def test_pitch_is_kept(x):
    spectrum = np.abs(np.fft.rfft(GriffinLim()(x)))  # one second: bins are hertz
    loudest = spectrum[:, :400].argmax(axis=1)
    assert np.abs(loudest - [150, 220, 330]).max() <= 4


def test_an_item_does_not_depend_on_its_batch(x, two_threads):
    voc = GriffinLim()
    together = voc(x)
    np.testing.assert_array_equal(together, np.concatenate([voc(item[None]) for item in x]))


def test_result_is_repeatable_and_leaves_the_random_state_alone(x):
    state = np.random.get_state(legacy=False)  # noqa: NPY002 - what a caller may draw from
    np.testing.assert_array_equal(GriffinLim()(x), GriffinLim()(x))
    np.testing.assert_equal(np.random.get_state(legacy=False), state)  # noqa: NPY002


def test_only_items_that_would_clip_are_scaled_down():
    quiet, loud = LogMel()(harmonics(150, 0.05)), LogMel()(harmonics(150, 1.0))
    voc = GriffinLim()
    audio = voc(np.concatenate([quiet, loud]))
    assert np.abs(audio[1]).max() == pytest.approx(1)
    assert np.abs(audio[0]).max() < 0.3


def test_values_beyond_the_range_are_clamped():
    x = LogMel()(harmonics(150))
    beyond = np.where(x == -1, np.float32(-1.7), x)
    voc = GriffinLim(iterations=2)
    np.testing.assert_array_equal(voc(beyond), voc(x))


@pytest.mark.parametrize("shape", [(1, 80, 64), (1, 1, 64, 80), (1, 2, 80, 64), (1, 1, 80, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"Griffin-Lim needs \(B >= 1, 1, 80, T >= 4\)"):
        GriffinLim()(np.zeros(shape, np.float32))


@pytest.mark.parametrize("name", ["iterations", "momentum", "mel_updates"])
def test_negative_numbers_are_refused(name):
    with pytest.raises(ValueError, match=f"negative.*{name}=-1"):
        GriffinLim(**{name: -1})  # type: ignore[arg-type]


CHANGES = {"iterations": 3, "momentum": 0.9, "mel_updates": 5, "phase_seed": 1}


@pytest.mark.parametrize("name", [field.name for field in fields(GriffinLimSettings)])
def test_whatever_changes_the_sound_is_in_the_settings(x, name):
    few = {"iterations": 2, "mel_updates": 2}
    one, other = (GriffinLim(**numbers) for numbers in (few, few | {name: CHANGES[name]}))
    assert one.settings != other.settings
    assert np.abs(one(x) - other(x)).max() > 1e-4
    assert GriffinLim(MelSettings(log_max=3.0), **few).settings != one.settings
