"""Pictures of what was generated."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from scoresubnet.audio.mel import MelSettings
from scoresubnet.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from torch import Tensor

    from scoresubnet.pipeline import GeneratedSpeech

MOST_PANELS = 60


def save_clip(speech: GeneratedSpeech, mel: MelSettings, path: Path) -> None:
    """The log-Mel and the waveform of the first clip, one above the other."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(2.2, 1))
    image = draw_mel(top, speech.mels[0], mel)
    figure.colorbar(image, ax=top, label="log magnitude, scaled")
    title = f"{speech.labels[0]!r}, seed {speech.seeds[0]}"
    if speech.heard:
        title += f": the classifier hears {speech.heard[0]!r} ({speech.confidence[0].item():.0%})"
    top.set_title(title, parse_math=False)
    top.set_ylabel("Mel band")
    audio = speech.audio[0].numpy()
    bottom.plot(np.arange(len(audio)) / speech.rate, audio, linewidth=0.5)
    bottom.set(xlabel="time in s", ylabel="amplitude", xlim=(0, len(audio) / speech.rate))
    save_figure(figure, path)


def save_grid(speech: GeneratedSpeech, mel: MelSettings, path: Path, of: int) -> None:
    """The log-Mels of the first 60 of `of` clips as a grid, each named by its label and seed."""
    count = min(len(speech.labels), MOST_PANELS)
    columns = min(count, 6)
    rows = -(-count // columns)
    figure = Figure(figsize=(1.9 * columns, 1.75 * rows + 0.3), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for k, panel in enumerate(panels):
        panel.set_axis_off()
        if k < count:
            draw_mel(panel, speech.mels[k], mel)
            title = f"{speech.labels[k]} ({speech.seeds[k]})"
            panel.set_title(title, fontsize=9, parse_math=False)
    if count < of:
        figure.suptitle(f"the first {count} of {of} clips", fontsize=9)
    save_figure(figure, path)


def draw_mel(axes: Axes, x: Tensor, mel: MelSettings) -> AxesImage:
    """One scaled log-Mel (1, F, T), low frequencies at the bottom, time in seconds."""
    seconds = x.shape[-1] * mel.hop_length / mel.sample_rate
    return axes.imshow(
        x[0].numpy(),
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, x.shape[-2]),
        vmin=-1,
        vmax=1,
        cmap="magma",
    )


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG; it appears complete or not at all."""
    write_bytes(path, png(figure, dpi=130))


def png(figure: Figure, dpi: int) -> bytes:
    """The picture; a letter that the font lacks is a box, without a warning for each."""
    file = BytesIO()
    with warnings.catch_warnings():
        for message in ("Glyph .* missing from", "Matplotlib currently does not support"):
            warnings.filterwarnings("ignore", message, UserWarning)
        figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()
