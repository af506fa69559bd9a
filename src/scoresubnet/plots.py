"""Figures of matplotlib, as evaluation and experiments write them."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from scoresubnet.audio.mel import MelSettings
from scoresubnet.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from torch import Tensor


def draw_mel(axes: Axes, x: Tensor, mel: MelSettings) -> AxesImage:
    """One scaled log-Mel (1, F, T), low frequencies at the bottom, time in seconds."""
    seconds = x.shape[-1] * mel.hop_length / mel.sample_rate
    return axes.imshow(
        x[0],
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
