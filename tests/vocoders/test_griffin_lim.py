"""Griffin-Lim: the algorithm, and the vocoder that is little else."""

from dataclasses import fields

import pytest
import torch

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders.griffin_lim import GriffinLim, GriffinLimSettings, griffin_lim
from scoresubnet.vocoders.stft import RepeatedSTFT


def speechlike(samples: int = 4096) -> torch.Tensor:
    """(1, samples): a buzz with a falling spectrum, and a little noise."""
    t = torch.arange(samples) / 16_000
    buzz = sum(torch.sin(2 * torch.pi * 150 * k * t) / k for k in range(1, 40))
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(0))
    return (0.1 * buzz + 0.01 * noise)[None]


def stft() -> RepeatedSTFT:
    """Of the frames of `speechlike`."""
    return RepeatedSTFT(LogMel().settings, 17)


@pytest.mark.parametrize("iterations", [0, 3])
def test_audio_is_a_fixed_point_of_its_own_spectrum(iterations: int) -> None:
    front_end, audio = LogMel(), speechlike()
    spectrum = front_end.stft(audio).mT
    again = griffin_lim(spectrum, lambda _: spectrum.abs(), stft(), iterations, 0.99)
    torch.testing.assert_close(again, audio, rtol=0, atol=1e-4)


def test_iterations_make_the_spectrum_consistent() -> None:
    front_end = LogMel()
    magnitude = front_end.stft(speechlike()).mT.abs()
    turns = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(2))
    start = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)

    def distance(iterations: int, momentum: float) -> float:
        audio = griffin_lim(start, lambda _: magnitude, stft(), iterations, momentum)
        return torch.linalg.vector_norm(front_end.stft(audio).mT.abs() - magnitude).item()

    assert distance(32, 0.0) < 0.5 * distance(0, 0.0)
    assert distance(32, 0.99) < distance(32, 0.0)


def test_magnitudes_may_lead() -> None:
    """With a lead of 1 they are those of twice the last audio less the one before, here nothing."""
    front_end = LogMel()
    seen: list[torch.Tensor] = []

    def kept(found: torch.Tensor) -> torch.Tensor:
        seen.append(found.clone())  # a buffer that the next iteration fills anew
        return found

    griffin_lim(front_end.stft(speechlike()).mT, kept, stft(), 1, 0.0, lead=1.0)
    torch.testing.assert_close(seen[1], 2 * seen[0], rtol=1e-3, atol=1e-3)


def test_wanted_magnitudes_may_follow_the_audio() -> None:
    front_end = LogMel()
    seen = []

    def louder(found: torch.Tensor) -> torch.Tensor:
        seen.append(found.sum().item())
        return 2 * found

    spectrum = front_end.stft(speechlike()).mT
    audio = griffin_lim(spectrum, louder, stft(), 2, 0.0)
    assert seen[1] == pytest.approx(2 * seen[0], rel=1e-3)
    torch.testing.assert_close(audio, 8 * speechlike(), rtol=1e-3, atol=1e-3)


def harmonics(pitch: float, level: float = 0.1) -> torch.Tensor:
    """One second of a tone with 20 partials that fades in and out, (1, 16000)."""
    time = torch.arange(16_000) / 16_000
    partials = torch.stack([torch.sin(2 * torch.pi * pitch * k * time) / k for k in range(1, 21)])
    return (level * torch.sin(torch.pi * time) ** 2 * partials.sum(0))[None]


def log_mel_error(x: torch.Tensor, audio: torch.Tensor) -> float:
    """Root mean square error in nats over the bins that are not nearly silent."""
    front_end = LogMel()
    error = front_end.unscale(front_end(audio)) - front_end.unscale(x)
    return error[x[:, 0] > -0.5].square().mean().sqrt().item()


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return LogMel()(torch.cat([harmonics(150), harmonics(220), harmonics(330)]))


def test_one_clip_is_one_second_within_full_scale(x):
    audio = GriffinLim()(x)
    assert audio.shape == (3, 16_000)
    assert audio.dtype == torch.float32
    assert 0.01 < audio.abs().max() <= 1


@pytest.mark.parametrize("frames", [4, 40, 100])
def test_length_follows_the_frames(x, frames):
    x = x[:1].repeat(1, 1, 1, 2)[..., :frames]
    assert GriffinLim(iterations=1)(x).shape == (1, (frames - 1) * 256 - 128)


def test_mel_bands_are_inverted(x):
    voc = GriffinLim()
    bands = voc.front_end.filters @ voc.magnitudes(x).mT
    error = bands.clamp(min=1e-5).log() - voc.front_end.unscale(x)
    assert voc.magnitudes(x).min() >= 0
    assert error[x[:, 0] > -0.5].square().mean().sqrt() < 0.05


def test_round_trip_is_close_and_improves_with_iterations(x):
    errors = [log_mel_error(x, GriffinLim(iterations=n)(x)) for n in (0, 4, 32)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.42


def test_momentum_is_faster(x):
    plain, fast = (log_mel_error(x, GriffinLim(momentum=m)(x)) for m in (0.0, 0.99))
    assert fast < plain


def test_pitch_is_kept(x):
    spectrum = torch.fft.rfft(GriffinLim()(x)).abs()  # one second: bins are hertz
    loudest = spectrum[:, :400].argmax(dim=1)
    assert (loudest - torch.tensor([150, 220, 330])).abs().max() <= 4


def test_an_item_does_not_depend_on_its_batch(x, two_threads):
    voc = GriffinLim()
    together = voc(x)
    alone = torch.cat([voc(item) for item in x.split(1)])
    assert torch.equal(together, alone)


def test_result_is_repeatable_and_leaves_the_random_state_alone(x):
    state = torch.get_rng_state()
    assert torch.equal(GriffinLim()(x), GriffinLim()(x))
    assert torch.equal(torch.get_rng_state(), state)


def test_only_items_that_would_clip_are_scaled_down():
    quiet, loud = LogMel()(harmonics(150, 0.05)), LogMel()(harmonics(150, 1.0))
    voc = GriffinLim()
    audio = voc(torch.cat([quiet, loud]))
    assert audio[1].abs().max() == pytest.approx(1)
    assert audio[0].abs().max() < 0.3


def test_values_beyond_the_range_are_clamped():
    x = LogMel()(harmonics(150))
    beyond = torch.where(x == -1, -1.7, x)
    voc = GriffinLim(iterations=2)
    assert torch.equal(voc(beyond), voc(x))


@pytest.mark.parametrize("shape", [(1, 80, 64), (1, 1, 64, 80), (1, 2, 80, 64), (1, 1, 80, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"Griffin-Lim needs \(B >= 1, 1, 80, T >= 4\)"):
        GriffinLim()(torch.zeros(shape))


@pytest.mark.parametrize("name", ["iterations", "momentum", "mel_updates"])
def test_negative_numbers_are_refused(name):
    with pytest.raises(ValueError, match=f"negative.*{name}=-1"):
        GriffinLim(**{name: -1})


CHANGES = {"iterations": 3, "momentum": 0.9, "mel_updates": 5, "phase_seed": 1}


@pytest.mark.parametrize("name", [field.name for field in fields(GriffinLimSettings)])
def test_whatever_changes_the_sound_is_in_the_settings(x, name):
    few = {"iterations": 2, "mel_updates": 2}
    one, other = (GriffinLim(**numbers) for numbers in (few, few | {name: CHANGES[name]}))
    assert one.settings != other.settings
    assert (one(x) - other(x)).abs().max() > 1e-4
    assert GriffinLim(MelSettings(log_max=3.0), **few).settings != one.settings
