"""The lowest bins of a spectrum: the STFT of the same sound at a fraction of its sample rate."""

from __future__ import annotations

import math
from dataclasses import replace

from scoresubnet.audio.mel import LogMel, MelSettings

_MOST = 8  # of 16 kHz: bins to 1 kHz, where most of what iterations gain lies (docs/vocoder.md)


def greatest_factor(settings: MelSettings) -> int:
    """By how much the sample rate may fall, to an eighth at most.

    Windows and hops stay whole samples.
    """
    s = settings
    return math.gcd(_MOST, s.sample_rate, s.n_fft, s.win_length, s.hop_length)


def low_band(front_end: LogMel, factor: int) -> LogMel:
    """The front end of the lowest bins, with the Mel bands that lie among them as a whole.

    Windows last as long, in seconds, and bins are as wide, in hertz: what it makes of a sound at
    the lower rate are the first bins of `front_end.stft` (but for the highest of them, where the
    filter that the lower rate needs sets in), divided by `factor`.

    Args:
        front_end: of the whole spectrum; its bands rise in frequency.
        factor: divides its sample rate, FFT size, window and hop; see `greatest_factor`.

    Raises:
        ValueError: no band lies among the lowest bins.
    """
    whole = front_end.settings
    n_fft = whole.n_fft // factor
    bins = n_fft // 2 + 1
    bands = len(front_end.filters) - int(front_end.filters[:, bins - 1 :].any(dim=1).sum())
    if not bands:
        raise ValueError(f"No Mel band lies below {whole.sample_rate / 2 / factor:g} Hz.")
    low = LogMel(
        replace(
            whole,
            sample_rate=whole.sample_rate // factor,
            n_fft=n_fft,
            win_length=whole.win_length // factor,
            hop_length=whole.hop_length // factor,
            n_mels=bands,
            f_max=min(whole.f_max, whole.sample_rate / 2 / factor),
        )
    )
    low.filters = front_end.filters[:bands, :bins].clone()
    low.shares = low.filters / low.filters.sum(dim=0).clamp(min=1e-12)
    # Bins above the peak of the last whole band, which it shares with bands that are not here,
    # follow it alone.
    above = int(low.filters[-1].argmax()) + 1
    low.shares[:-1, above:], low.shares[-1, above:] = 0, 1
    return low
