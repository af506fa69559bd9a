"""Augmentation of scaled log-Mels, a whole batch at a time, from an explicit generator."""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from scoresubnet.audio.mel import MelSettings, mel_filterbank
from scoresubnet.losses import audible
from scoresubnet.training.config import AugmentConfig


def augment(
    x: Tensor, config: AugmentConfig, mel: MelSettings, generator: torch.Generator
) -> Tensor:
    """Augmented copy of x (B, 1, F, T) in [-1, 1], on its device; made on the generator's."""
    device = x.device
    x = x.to(generator.device)
    nats = (mel.log_max - mel.log_min) / 2  # one unit of x in natural-log magnitude
    decibel = math.log(10) / 20 / nats
    if config.stretch or config.warp:
        x = warp(x, config, generator)
    elif config.shift:
        x = shift_frames(x, config.shift, generator)
    if config.gain:
        x = change_gain(x, config.gain * decibel, generator)
    if config.colour:
        x = change_colour(x, config.colour * decibel, generator)
    if config.fill:
        x = fill(x, config.fill, nats, generator)
    if config.lowpass:
        x = lowpass(x, config.lowpass, generator)
    if config.telephone:
        x = telephone(x, config.telephone, mel, generator)
    if config.trim:
        x = trim(x, config.trim, generator)
    if config.noise:
        x = add_noise(x, config.noise, nats, generator)
    if config.mask:
        x = mask(x, config.mask, generator)
    return x.to(device)


def _uniform(shape: tuple[int, ...], low: float, high: float, g: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=g, device=g.device)


def _chosen(batch: int, share: float, g: torch.Generator) -> Tensor:
    """A share of the items: (B, 1, 1, 1) of bool."""
    return torch.rand(batch, 1, 1, 1, generator=g, device=g.device) < share


def shift_frames(x: Tensor, most: int, g: torch.Generator) -> Tensor:
    """Move each item by -most..most whole frames; what is missing is mirrored, nothing stands."""
    batch, _, bins, frames = x.shape
    shifts = torch.randint(-most, most + 1, (batch, 1), generator=g, device=g.device)
    source = (torch.arange(frames, device=x.device) - shifts).abs()
    source = (frames - 1 - (frames - 1 - source).abs()).clamp(min=0)
    return x.gather(3, source[:, None, None, :].expand(batch, 1, bins, frames))


def warp(x: Tensor, config: AugmentConfig, g: torch.Generator) -> Tensor:
    """Stretch and shift in time, scale the frequency axis about its low end; edges are mirrored."""
    batch, _, _, frames = x.shape
    time = 1 + _uniform((batch,), -config.stretch, config.stretch, g)
    shift = _uniform((batch,), -config.shift, config.shift, g) * 2 / (frames - 1)
    frequency = 1 + _uniform((batch,), -config.warp, config.warp, g)
    matrix = torch.zeros(batch, 2, 3, device=x.device)
    matrix[:, 0, 0], matrix[:, 0, 2] = time, shift
    matrix[:, 1, 1], matrix[:, 1, 2] = frequency, frequency - 1  # bin 0 (y = -1) stays
    grid = F.affine_grid(matrix, list(x.shape), align_corners=True)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=True)


def change_gain(x: Tensor, most: float, g: torch.Generator) -> Tensor:
    """Change the level of each item by up to +-most units of x; digital silence stays silent."""
    change = _uniform((len(x), 1, 1, 1), -most, most, g)
    return torch.where(x > -1, (x + change).clamp(-1, 1), x)


def change_colour(x: Tensor, most: float, g: torch.Generator) -> Tensor:
    """Tilt and bend the spectrum of each item; digital silence stays silent.

    The curve is a sum of the first three cosines over the Mel bins, whose random amplitudes are at
    most `most` units of x, half and a third of that: as of another microphone, room or voice.
    """
    orders = torch.arange(1, 4, device=x.device)
    places = (torch.arange(x.shape[2], device=x.device) + 0.5) / x.shape[2]
    curves = torch.cos(math.pi * orders[:, None] * places)
    change = (_uniform((len(x), 3), -most, most, g) / orders) @ curves
    return torch.where(x > -1, (x + change[:, None, :, None]).clamp(-1, 1), x)


def lowpass(x: Tensor, share: float, g: torch.Generator) -> Tensor:
    """Silence everything above a random bin in the upper half, for a share of the items."""
    batch, _, bins, _ = x.shape
    cut = _uniform((batch, 1, 1, 1), 0.55 * bins, bins, g)
    cut = torch.where(_chosen(batch, share, g), cut, float(bins))
    return torch.where(
        torch.arange(bins, device=x.device)[:, None] < cut, x, torch.full_like(x, -1)
    )


def telephone(x: Tensor, share: float, mel: MelSettings, g: torch.Generator) -> Tensor:
    """Take away all above 4 kHz, as a recording at 8 kHz has it, for a share of the items."""
    bins = torch.arange(x.shape[2], device=x.device)[:, None]
    cut = _bins_below(4000, mel) - 1.4 + _uniform((len(x), 1, 1, 1), -1, 1, g)
    fall = 0.5 * (bins - cut).clamp(min=0)  # a bin of 8 kHz recordings is half lost, the next gone
    return torch.where(_chosen(len(x), share, g), (x - fall).clamp(min=-1), x)


@cache
def _bins_below(hz: float, mel: MelSettings) -> int:
    """The number of Mel bins that peak below a frequency."""
    return int((mel_filterbank(mel).argmax(1) < hz * mel.n_fft / mel.sample_rate).sum())


def trim(x: Tensor, share: float, g: torch.Generator) -> Tensor:
    """Digital silence before and after the word, as in trimmed clips, for a share of the items.

    The word reaches from the first to the last frame whose mean level is above a random threshold
    between the clip's softest and loudest frame.
    """
    level = x.mean(dim=(1, 2))
    low, high = level.amin(1, keepdim=True), level.amax(1, keepdim=True)
    above = level > low + _uniform((len(x), 1), 0.3, 0.7, g) * (high - low)
    inside = above.cummax(1).values & above.flip(1).cummax(1).values.flip(1)
    silence = ~inside[:, None, None, :] & _chosen(len(x), share, g)
    return torch.where(silence, torch.full_like(x, -1), x)


def fill(x: Tensor, share: float, nats: float, g: torch.Generator) -> Tensor:
    """Fill digital silence with what other items have there, for a share of the items.

    Above a band limit that is what another word has there, which tells nothing of this one; in
    silent frames it is the background of that item, its softer frames with the texture of noise.
    The other items are those that are heard nearly everywhere; where there are none, silence stays.
    """
    heard = audible(x)
    whole = heard.float().mean((1, 2, 3)) > 0.9
    if not whole.any():
        return x
    other = x[torch.multinomial(whole.float(), len(x), replacement=True, generator=g)]
    softer = other.quantile(0.3, dim=3, keepdim=True)
    background = (softer + 0.6 * _texture(x, g) / nats).clamp(-1, 1)
    filled = torch.where(heard.any(dim=2, keepdim=True), other, background)
    return torch.where(_chosen(len(x), share, g) & ~heard, filled, x)


def _texture(like: Tensor, g: torch.Generator) -> Tensor:
    """The log-magnitudes of noise, in nats: half the log of an exponential variable."""
    return torch.empty_like(like).exponential_(generator=g).log().div(2).clamp(min=-2)


def add_noise(x: Tensor, share: float, nats: float, g: torch.Generator) -> Tensor:
    """Add a stationary background of random level and tilt to a share of the items.

    Magnitudes add in power; the texture is that of noise.
    """
    batch, _, bins, _ = x.shape
    level = _uniform((batch, 1, 1, 1), -1.0, -0.3, g)
    tilt = (
        _uniform((batch, 1, 1, 1), -0.25, 0.1, g)
        * torch.linspace(0, 1, bins, device=x.device)[:, None]
    )
    noise = level + tilt + 0.6 * _texture(x, g) / nats
    mixed = torch.logaddexp(2 * nats * x, 2 * nats * noise) / (2 * nats)
    return torch.where(_chosen(batch, share, g), mixed.clamp(-1, 1), x)


def mask(
    x: Tensor, share: float, g: torch.Generator, most_bins: int = 12, most_frames: int = 8
) -> Tensor:
    """Hide one band and one span behind the item's mean, for a share of the items (SpecAugment)."""
    batch, _, bins, frames = x.shape

    def span(size: int, most: int) -> Tensor:
        width = torch.randint(0, most + 1, (batch, 1), generator=g, device=g.device)
        start = (_uniform((batch, 1), 0, 1, g) * (size - width + 1)).long()
        position = torch.arange(size, device=x.device)
        return (position >= start) & (position < start + width)

    hidden = span(bins, most_bins)[:, None, :, None] | span(frames, most_frames)[:, None, None, :]
    hidden &= _chosen(batch, share, g)
    return torch.where(hidden, x.mean(dim=(1, 2, 3), keepdim=True), x)
