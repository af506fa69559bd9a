"""The STFT of the front end and its inverse, for the same sounds over and over again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from scoresubnet.audio.mel import MelSettings, hann_window


class RepeatedSTFT:
    """`LogMel.stft` and its inverse, with all that is fixed done once; a row is a frame.

    Buffers are kept: one instance serves one thread.

    Args:
        settings: of the front end.
        frames: T.
        sounds: B, as many as go in step.
        factor: divides sample rate, FFT size, window and hop: the STFT of the same sound at so much
            lower a rate.
    """

    def __init__(
        self, settings: MelSettings, frames: int, sounds: int = 1, factor: int = 1
    ) -> None:
        sizes = (settings.n_fft, settings.win_length, settings.hop_length)
        n_fft, win_length, hop = (size // factor for size in sizes)
        self._n_fft, self._edge = n_fft, n_fft // 2
        left = (n_fft - win_length) // 2
        self._window = np.pad(hann_window(win_length), (left, n_fft - win_length - left))
        # numpy transforms float32 as float64 unless there is a factor, here that of "forward".
        self._analysis_window = self._window * np.float32(n_fft)

        # A frame is cut into pieces of a hop, and piece k of frame n belongs to hop n + k of the
        # sound: layer k is all pieces k, shifted by k hops, and the layers' sum is the sound.
        pieces = -(-n_fft // hop)
        hops = frames + pieces - 1
        self._cut_window = np.pad(self._window, (0, pieces * hop - n_fft)).reshape(pieces, hop)
        self._frames = np.zeros((sounds, frames, pieces * hop), np.float32)
        self._cut = self._frames.reshape(sounds, frames, pieces, hop)
        self._whole: Any = self._frames[..., :n_fft]  # to numpy's types, FFTs are of float64
        self._layers = np.zeros((sounds, pieces, hops * hop), np.float32)
        size = self._layers.itemsize
        self._pieces = as_strided(
            self._layers,
            self._cut.shape,
            (pieces * hops * hop * size, hop * size, (hops + 1) * hop * size, size),
        )
        # The sounds, with the edges of the centred analysis, and what is left of the last hop.
        self._padded = np.empty((sounds, hops * hop), np.float32)
        self._inside = self._padded[:, self._edge : self._edge + (frames - 1) * hop]
        self._seen = sliding_window_view(self._padded, n_fft, axis=1)[:, ::hop][:, :frames]
        self._whole[:] = self._window
        self._add()
        self._scale = np.reciprocal(np.maximum(self._inside[:1], 1e-11))  # of the windows, squared

    def analysis(self, audio: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Audio (B, (T - 1) * hop_length) -> complex (B, T, n_fft / 2 + 1).

        Raises:
            ValueError: the audio has another length.
        """
        if audio.shape != self._inside.shape:
            raise ValueError(f"audio is of shape {audio.shape}; give {self._inside.shape}")
        self._inside[:] = audio
        return self._analysed(None)

    def synthesis(self, spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Complex (B, T, n_fft / 2 + 1) -> audio (B, (T - 1) * hop_length)."""
        np.fft.irfft(spectrum, self._n_fft, out=self._whole)
        self._add()
        return self._inside * self._scale

    def consistent(
        self, spectrum: NDArray[np.complex64], out: NDArray[np.complex64] | None = None
    ) -> NDArray[np.complex64]:
        """`analysis(synthesis(spectrum))`, in `out` if it is given."""
        np.fft.irfft(spectrum, self._n_fft, out=self._whole)
        self._add()
        np.multiply(self._inside, self._scale, out=self._inside)
        return self._analysed(out)

    def _analysed(self, out: Any) -> Any:
        """Of the sounds inside, whose edges are reflected first."""
        padded, edge, end = self._padded, self._edge, self._edge + self._inside.shape[1]
        padded[:, :edge] = padded[:, 2 * edge : edge : -1]
        padded[:, end : end + edge] = padded[:, end - 2 : end - edge - 2 : -1]
        np.multiply(self._seen, self._analysis_window, out=self._whole)
        return np.fft.rfft(self._whole, norm="forward", out=out)

    def _add(self) -> None:
        """Window the frames, and add them where they overlap."""
        np.multiply(self._cut, self._cut_window, out=self._pieces)
        np.add.reduce(self._layers, axis=1, out=self._padded)
