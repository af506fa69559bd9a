import dataclasses

import pytest
import torch

from scoresubnet import vocoders as vocoder
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.vocoders import GriffinLim, load_vocoder, resynthesise


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
    bands = voc.front_end.filters @ voc.magnitudes(x)
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
    with pytest.raises(ValueError, match=r"\(B >= 1, 1, 80, T >= 4\)"):
        GriffinLim()(torch.zeros(shape))


def test_negative_options_are_refused():
    with pytest.raises(ValueError, match="iterations"):
        GriffinLim(iterations=-1)


def test_load_by_name():
    settings = MelSettings(log_max=3.0)
    voc = load_vocoder("griffin-lim", settings)
    assert (voc.name, voc.mel) == ("griffin-lim", settings)


def test_unknown_vocoder_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"'wavenet'; known are .*griffin-lim"):
        load_vocoder("wavenet", MelSettings())


def test_vocoder_of_other_features_is_refused(monkeypatch):
    other = dataclasses.replace(MelSettings(), hop_length=200, frames=82)
    monkeypatch.setitem(vocoder.VOCODERS, "other", lambda settings, where: GriffinLim(other))
    with pytest.raises(ValueError, match=r"hop_length 200 / 256, frames 82 / 64"):
        load_vocoder("other", MelSettings())


@pytest.mark.parametrize("where", ["", "somewhere"])
def test_griffin_lim_has_nothing_to_load(where):
    with pytest.raises(ValueError, match=f"'griffin-lim' has no weights to load: drop ':{where}'"):
        load_vocoder(f"griffin-lim:{where}")


@pytest.mark.parametrize("name", ["hifigan", "hifigan:"])
def test_hifigan_needs_weights(name):
    with pytest.raises(ValueError, match="hifigan:<folder, or id"):
        load_vocoder(name)


def test_what_follows_the_first_colon_is_passed_on(monkeypatch):
    asked = []

    def factory(settings, where):
        asked.append(where)
        return GriffinLim(settings)

    monkeypatch.setitem(vocoder.VOCODERS, "other", factory)
    for name in ("other", "other:", "other:a/b", "other:c:/d"):
        load_vocoder(name)
    assert asked == [None, "", "a/b", "c:/d"]


@pytest.mark.parametrize("samples", [1, 640, 641, 16_000, 16_001, 40_000])
def test_resynthesis_keeps_every_sample(samples):
    tone = harmonics(220).repeat(1, 3)[0, :samples]
    restored = resynthesise(tone, GriffinLim(iterations=1))
    assert restored.shape == (samples,)
    assert restored.dtype == torch.float32


def test_resynthesis_reaches_the_end():
    time = torch.arange(20_000) / 16_000
    tone = 0.3 * torch.sin(2 * torch.pi * 440 * time)
    restored = resynthesise(tone, GriffinLim())
    last = slice(-512, None)
    assert restored[last].square().mean() == pytest.approx(tone[last].square().mean(), rel=0.5)


def test_resynthesis_of_a_clip_is_that_of_its_features(x):
    tone = harmonics(330)[0]
    assert torch.equal(resynthesise(tone, GriffinLim()), GriffinLim()(x[2:])[0])


@pytest.mark.parametrize("shape", [(0,), (1, 16_000)])
def test_resynthesis_takes_one_signal(shape):
    with pytest.raises(ValueError, match=r"\(N >= 1,\)"):
        resynthesise(torch.zeros(shape), GriffinLim())
