"""The STFT of the front end and its inverse, for the same sounds over and over again."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from scoresubnet.audio.mel import MelSettings


class RepeatedSTFT:
    """What `LogMel.stft` and `LogMel.istft` give, with all that is fixed done once.

    Several times as fast: `torch.istft` computes the overlap of the windows anew each time, and
    both work against the order of values in memory; here a row is a frame. Buffers are kept: one
    instance serves one thread.

    Args:
        settings: of the front end.
        frames: T.
        sounds: B, as many as go in step.
        factor: divides sample rate, FFT size, window and hop: the STFT of the same sound at so much
            lower a rate.
        device: where the sounds are.
    """

    def __init__(
        self,
        settings: MelSettings,
        frames: int,
        sounds: int = 1,
        factor: int = 1,
        device: torch.device | None = None,
    ) -> None:
        sizes = (settings.n_fft, settings.win_length, settings.hop_length)
        n_fft, win_length, hop = (size // factor for size in sizes)
        self._n_fft, self._hop = n_fft, hop
        window = torch.hann_window(win_length, device=device)
        left = (n_fft - win_length) // 2
        self._window = F.pad(window, (left, n_fft - win_length - left))

        # A frame is cut into pieces of a hop, and piece k of frame n belongs to hop n + k of the
        # sound: layer k is all pieces k, shifted by k hops, and the layers' sum is the sound.
        pieces = -(-n_fft // hop)
        hops = frames + pieces - 1
        self._filling = (0, pieces * hop - n_fft)
        self._cut_window = F.pad(self._window, self._filling).view(pieces, hop)
        self._layers = window.new_zeros(sounds, pieces, hops, hop)
        self._pieces = self._layers.as_strided(
            (sounds, frames, pieces, hop), (pieces * hops * hop, hop, (hops + 1) * hop, 1)
        )
        padding = n_fft // 2  # of the centred analysis, by reflection at both ends
        samples = (frames - 1) * hop
        self._inside = slice(padding, padding + samples)
        place = torch.arange(-padding, samples + padding, device=device).abs()
        self._reflected = torch.minimum(place, 2 * (samples - 1) - place)
        self._reflected_inside = self._reflected + padding
        self._padded = window.new_empty(sounds, samples + 2 * padding)
        self._frames = self._padded.unfold(1, n_fft, hop)
        self._windowed = torch.empty_like(self._frames)
        overlap = self._added(self._window.expand(sounds, frames, -1))[0, self._inside]
        self._scale = overlap.clamp(min=1e-11).reciprocal()
        self._padded_scale = self._scale[self._reflected]

    def analysis(self, audio: Tensor) -> Tensor:
        """Audio (B, (T - 1) * hop_length) -> complex (B, T, n_fft / 2 + 1).

        Raises:
            ValueError: the audio has another length.
        """
        expected = (len(self._padded), len(self._scale))
        if audio.shape != expected:
            raise ValueError(f"audio is of shape {tuple(audio.shape)}; give {expected}")
        torch.index_select(audio, 1, self._reflected, out=self._padded)
        return self._analysed()

    def synthesis(self, spectrum: Tensor) -> Tensor:
        """Complex (B, T, n_fft / 2 + 1) -> audio (B, (T - 1) * hop_length)."""
        return self._added(torch.fft.irfft(spectrum, self._n_fft))[:, self._inside] * self._scale

    def consistent(self, spectrum: Tensor) -> Tensor:
        """`analysis(synthesis(spectrum))`, with fewer steps between."""
        sound = self._added(torch.fft.irfft(spectrum, self._n_fft))
        torch.index_select(sound, 1, self._reflected_inside, out=self._padded)
        self._padded.mul_(self._padded_scale)
        return self._analysed()

    def _analysed(self) -> Tensor:
        return torch.fft.rfft(torch.mul(self._frames, self._window, out=self._windowed))

    def _added(self, frames: Tensor) -> Tensor:
        """Frames (B, T, n_fft), windowed and added where they overlap, with the padding."""
        whole = F.pad(frames, self._filling) if any(self._filling) else frames
        torch.mul(whole.reshape(self._pieces.shape), self._cut_window, out=self._pieces)
        return self._layers.sum(1).flatten(1)
