import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import scipy.fft
import soxr
import torch
from torch import Tensor

from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.training.augment import (
    add_noise,
    augment,
    change_colour,
    change_gain,
    fill,
    lowpass,
    mask,
    shift_frames,
    telephone,
    trim,
    warp,
)
from scoresubnet.training.config import AugmentConfig

MEL = MelSettings()
NATS = (MEL.log_max - MEL.log_min) / 2
ALL = AugmentConfig(
    shift=4,
    stretch=0.2,
    warp=0.1,
    gain=6,
    lowpass=0.5,
    telephone=0.5,
    trim=0.5,
    fill=0.5,
    noise=0.5,
    mask=0.5,
    colour=6,
)
NONE = AugmentConfig(shift=0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x() -> Tensor:
    """Sixteen items in (-1, 1), no two values alike, loudest in the middle."""
    loudness = torch.hann_window(64) - 0.5
    return torch.rand(16, 1, 80, 64, generator=rng(7)) - 0.5 + 0.8 * loudness


def trimmed(x: Tensor) -> Tensor:
    """Every other item begins with digital silence."""
    x = x.clone()
    x[::2, ..., :20] = -1
    return x


CHANGES: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "shift": lambda x, g: shift_frames(x, 5, g),
    "warp": lambda x, g: warp(x, ALL, g),
    "gain": lambda x, g: change_gain(x, 0.2, g),
    "colour": lambda x, g: change_colour(x, 0.2, g),
    "lowpass": lambda x, g: lowpass(x, 0.7, g),
    "telephone": lambda x, g: telephone(x, 0.7, MEL, g),
    "trim": lambda x, g: trim(x, 0.7, g),
    "fill": lambda x, g: fill(trimmed(x), 0.7, NATS, g),
    "noise": lambda x, g: add_noise(x, 0.7, NATS, g),
    "mask": lambda x, g: mask(x, 0.7, g),
    "all": lambda x, g: augment(x, ALL, MEL, g),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_depend_on_the_generator_alone(name: str, x: Tensor) -> None:
    """Neither on torch's global state, nor on what was drawn before; and the input is kept."""
    before = x.clone()
    torch.manual_seed(1)
    first = CHANGES[name](x, rng())
    torch.manual_seed(2)
    assert torch.equal(CHANGES[name](x, rng()), first)
    assert not torch.equal(CHANGES[name](x, rng(1)), first)
    assert torch.equal(x, before)
    assert first.shape == x.shape
    assert first.dtype == torch.float32
    assert first.abs().max() <= 1
    assert not torch.equal(first, x)


@pytest.mark.parametrize("name", CHANGES)
def test_items_are_changed_differently(name: str, x: Tensor) -> None:
    same = x[:1].expand(64, -1, -1, -1)
    changed = CHANGES[name](same, rng())
    assert len({item.numpy().tobytes() for item in changed}) > 8


def test_nothing_is_switched_on_nothing_changes(x: Tensor) -> None:
    assert torch.equal(augment(x, NONE, MEL, rng()), x)


def test_each_field_switches_its_own_change_on(x: Tensor) -> None:
    x[0, :, 61:] = -1
    for field in (f.name for f in fields(AugmentConfig)):
        values: dict[str, Any] = {"shift": 0} | {field: 5 if field == "shift" else 0.9}
        config = AugmentConfig(**values)
        assert not torch.equal(augment(x, config, MEL, rng()), x), field


def test_shift_moves_whole_frames_and_mirrors_the_edge(x: Tensor) -> None:
    seen = set()
    for before, after in zip(x, shift_frames(x, 3, rng()), strict=True):
        mirrored = torch.cat([before[..., 1:4].flip(-1), before, before[..., -4:-1].flip(-1)], -1)
        (shift,) = [s for s in range(-3, 4) if torch.equal(after, mirrored[..., 3 - s : 67 - s])]
        seen.add(shift)
    assert len(seen) >= 5  # of the seven from -3 to 3


def test_no_frame_stands_still_at_an_edge(x: Tensor) -> None:
    moved = warp(x, AugmentConfig(shift=5, stretch=0.2), rng())
    assert shift_frames(x, 5, rng()).diff(dim=-1).abs().mean((1, 2)).min() > 0.2
    assert moved.diff(dim=-1).abs().mean((0, 1, 2)).min() > 0.2  # two may mirror each other


def test_a_shift_beyond_the_clip_stays_inside_it(x: Tensor) -> None:
    for seed in range(5):
        assert shift_frames(x, 200, rng(seed)).shape == x.shape


def test_shift_reaches_both_ends_of_its_range() -> None:
    ramp = torch.arange(64.0).expand(500, 1, 80, 64)
    moved = 32 - shift_frames(ramp, 2, rng())[:, 0, 0, 32]
    assert moved.unique().tolist() == [-2, -1, 0, 1, 2]
    assert (moved == 2).float().mean() == pytest.approx(0.2, abs=0.06)


def test_warp_of_zero_ranges_is_the_identity(x: Tensor) -> None:
    torch.testing.assert_close(warp(x, NONE, rng()), x, rtol=0, atol=1e-5)


def test_warp_scales_frequencies_about_the_lowest_bin() -> None:
    """A ridge in bin 40: it moves by at most the factor, and bin 0 stays where it is."""
    x = torch.full((64, 1, 80, 64), -1.0)
    x[:, :, 40] = 1
    ridges = warp(x, AugmentConfig(shift=0, warp=0.1), rng())[:, 0, :, 32].argmax(1)
    assert ridges.min() in (36, 37)
    assert ridges.max() in (44, 45)
    low = torch.full((64, 1, 80, 64), -1.0)
    low[:, :, 0] = 1
    assert (warp(low, AugmentConfig(shift=0, warp=0.1), rng())[:, 0, :, 32].argmax(1) == 0).all()


def test_warp_stretches_time_about_the_middle_and_shifts_it() -> None:
    """A ramp in time stays one; its slope is the stretch, its middle value the shift in frames."""
    ramp = (torch.arange(64.0) - 31.5).expand(200, 1, 80, 64)
    out = warp(ramp, AugmentConfig(shift=4, stretch=0.2), rng())[:, 0, 10]
    slope = (out[:, 38] - out[:, 25]) / 13
    assert 0.8 <= slope.min() < 0.83
    assert 1.17 < slope.max() <= 1.2 + 1e-5
    middle = (out[:, 31] + out[:, 32]) / 2
    assert middle.abs().max() <= 4 + 1e-4
    assert middle.min() < -3.5
    assert middle.max() > 3.5


def test_gain_moves_the_level_and_keeps_silence(x: Tensor) -> None:
    x = x * 0.5
    x[:, :, :, 10] = -1
    louder = change_gain(x, 0.2, rng())
    assert (louder[:, :, :, 10] == -1).all()
    sound = torch.arange(64) != 10
    change = (louder - x)[..., sound]
    assert (change.amax((1, 2, 3)) - change.amin((1, 2, 3))).max() < 1e-6
    assert change.abs().max() <= 0.2 + 1e-6
    assert change.max() > 0.1
    assert change.min() < -0.1


def test_gain_is_in_decibels(x: Tensor) -> None:
    """6 dB are 0.69 nats of magnitude."""
    config = AugmentConfig(shift=0, gain=20 * math.log10(2))
    change = (augment(0.5 * x[:1].expand(500, -1, -1, -1), config, MEL, rng()) - 0.5 * x[:1]) * NATS
    assert change.max() == pytest.approx(math.log(2), rel=0.02)
    assert change.min() == pytest.approx(-math.log(2), rel=0.02)


def test_colour_bends_the_spectrum_and_keeps_silence(x: Tensor) -> None:
    """One curve for all frames, of cosines up to the third; at most 1 + 1/2 + 1/3 times as high."""
    x = x * 0.5
    x[:, :, :, 10] = -1
    coloured = change_colour(x, 0.2, rng())
    assert (coloured[:, :, :, 10] == -1).all()
    change = (coloured - x)[:, 0, :, torch.arange(64) != 10].double()
    assert (change - change[:, :, :1]).abs().max() < 1e-6
    found = torch.from_numpy(scipy.fft.dct(change[:, :, 0].numpy(), axis=1)) / 80
    assert found[:, 4:].abs().max() < 1e-6  # of all orders beyond the third
    assert found[:, 0].abs().max() < 1e-6  # the level stays
    for order in (1, 2, 3):
        assert 0.1 < order * found[:, order].abs().max() <= 0.2 + 1e-6


def test_lowpass_silences_upper_bins_only(x: Tensor) -> None:
    """Up from a bin of its own in the upper half; the lower bins stay bit for bit."""
    passed = lowpass(x, 1.0, rng())
    cuts = []
    for before, after in zip(x[:, 0], passed[:, 0], strict=True):
        kept = (after == before).all(1)
        cut = int(kept.sum())
        assert kept[:cut].all()
        assert (after[cut:] == -1).all()
        cuts.append(cut)
    assert min(cuts) >= 44
    assert len(set(cuts)) > 5


def test_telephone_does_what_a_recording_at_8_khz_does() -> None:
    """The log-Mels of noise, resampled to 8 kHz and back."""
    noise = np.random.default_rng(0).standard_normal((8, 16_000)).astype(np.float32) * 0.1
    low = np.stack([soxr.resample(soxr.resample(n, 16_000, 8_000), 8_000, 16_000) for n in noise])
    full, narrow = (LogMel(MEL)(torch.from_numpy(audio)) for audio in (noise, low))
    changed = telephone(full.reshape(8, 1, 80, 64), 1.0, MEL, rng()).reshape(8, 80, 64)
    narrow = narrow.reshape(8, 80, 64)
    assert (changed[:, :60] - narrow[:, :60]).abs().mean() < 0.01
    assert (changed[:, 64:] - narrow[:, 64:]).abs().mean() < 0.06
    assert (changed - narrow).abs().mean((0, 2)).max() < 0.4


def test_trim_silences_all_before_and_after_the_word(x: Tensor) -> None:
    x = 0.01 * x - 0.5
    x[..., 20:40] += 0.8
    trimmed = trim(x, 1.0, rng())
    assert torch.equal(trimmed[..., 20:40], x[..., 20:40])
    assert (trimmed[..., :20] == -1).all()
    assert (trimmed[..., 40:] == -1).all()


def test_fill_takes_a_missing_band_from_another_clip_that_has_it(x: Tensor) -> None:
    narrow = x.clone()
    narrow[0, :, 61:] = -1
    filled = fill(narrow, 1.0, NATS, rng())
    assert torch.equal(filled[1:], x[1:])
    assert torch.equal(filled[0, :, :59], x[0, :, :59])
    sources = [k for k in range(1, 16) if torch.equal(filled[0, :, 59:], x[k, :, 59:])]
    assert len(sources) == 1


def test_fill_puts_the_background_of_another_clip_into_silent_frames(x: Tensor) -> None:
    x[1:] -= torch.linspace(0, 0.3, 80)[:, None]  # a tilted spectrum
    silent = x.clone()
    silent[0, ..., :20] = -1
    filled = torch.stack([fill(silent, 1.0, NATS, rng(k))[0, 0] for k in range(50)])
    assert torch.equal(filled[..., 21:], x[:1, 0, :, 21:].expand(50, -1, -1, -1)[:, 0])
    level = filled[..., :20].mean((0, 2))
    softer = x[1:, 0].quantile(0.3, dim=2).mean(0)
    assert (level[:20].mean() - level[60:].mean()).item() == pytest.approx(
        (softer[:20].mean() - softer[60:].mean()).item(), abs=0.02
    )
    assert filled[..., :20].diff(dim=-1).abs().mean() > 0.05  # no two frames alike


def test_fill_leaves_silence_where_no_clip_has_more(x: Tensor) -> None:
    x[:, :, 40:] = -1
    assert torch.equal(fill(x, 1.0, NATS, rng()), x)


@pytest.mark.parametrize("change", [lowpass, mask, trim, lambda x, s, g: telephone(x, s, MEL, g)])
def test_share_of_changed_items(change: Callable[..., Tensor], x: Tensor) -> None:
    assert torch.equal(change(x, 0.0, rng()), x)
    many = x[:1].expand(1000, -1, -1, -1)
    assert torch.equal(add_noise(many, 0.0, NATS, rng()), many)
    changed = {share: (change(many, share, rng()) != many).any(3).any(2) for share in (0.3, 1.0)}
    assert changed[1.0].float().mean() > 0.95  # a mask or a low-pass may be too narrow to be seen
    assert changed[0.3].float().mean() == pytest.approx(0.3, abs=0.06)


def test_noise_only_adds(x: Tensor) -> None:
    """Powers add up: nothing gets quieter, and what is far above the background stays."""
    noisy = add_noise(x, 1.0, NATS, rng())
    assert (noisy >= x - 1e-6).all()
    loud = torch.ones(4, 1, 80, 64)
    torch.testing.assert_close(add_noise(loud, 1.0, NATS, rng()), loud)
    silent = add_noise(torch.full((200, 1, 80, 64), -1.0), 1.0, NATS, rng())
    levels = silent.mean((1, 2, 3))
    assert levels.min() > -1
    assert levels.max() < 0
    assert levels.max() - levels.min() > 0.4


def test_noise_adds_powers() -> None:
    """Two equal powers: +3 dB, which is half the logarithm of two in nats of magnitude."""
    silence, equal = torch.full((1, 1, 80, 64), -1.0), rng()
    background = add_noise(silence, 1.0, NATS, equal)  # next to nothing is added at -1
    doubled = add_noise(background, 1.0, NATS, rng())
    clear = (background > -0.8) & (doubled < 1)
    rise = (doubled - background)[clear] * NATS
    assert clear.any()
    assert rise.median() == pytest.approx(math.log(2) / 2, abs=0.01)


def test_mask_hides_a_band_and_a_span_behind_the_mean(x: Tensor) -> None:
    masked = mask(x, 1.0, rng(), most_bins=12, most_frames=8)
    for before, after in zip(x[:, 0], masked[:, 0], strict=True):
        hidden = after != before
        torch.testing.assert_close(after[hidden], before.mean().expand(int(hidden.sum())))
        bins, frames = hidden.all(1), hidden.all(0)
        assert torch.equal(hidden, bins[:, None] | frames)
        for chosen, most in ((bins, 12), (frames, 8)):
            places = chosen.nonzero().flatten()
            assert len(places) <= most
            if len(places):
                assert places[-1] - places[0] + 1 == len(places)


def test_mask_can_hide_every_bin_and_frame() -> None:
    x = torch.rand(4000, 1, 20, 16, generator=rng(3))
    hidden = (mask(x, 1.0, rng(), most_bins=4, most_frames=3) != x).float()
    of_bins, of_frames = hidden.amin(3).mean((0, 1)), hidden.amin(2).mean((0, 1))
    assert (of_bins > 0).all()
    assert (of_frames > 0).all()
