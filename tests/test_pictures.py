"""What the pictures of `generate` show, and where."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from scoresubnet import pictures
from scoresubnet.audio.mel import MelSettings
from scoresubnet.generated_speech import GeneratedSpeech
from scoresubnet.pictures import LEGEND, MEL, PANEL, WAVE, save_clip, save_grid

BANDS, FRAMES, RATE = 80, 64, 16_000
BLACK = (0, 0, 4)  # the colour of -1, which neither text nor lines have
# The first two would be wrong as mathematics; no font need have the others.
LABELS = ["$\\frac$", "$x^$", "schön", "你好", "한국어", "क्षि", "😀", "مرحبا"]
LONG = "abcdefghijklmnopqrst uvw " * 7 + "z"

Pixels = NDArray[np.int_]


@pytest.fixture
def no_system_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pictures, "SYSTEM_FONTS", ())
    pictures._fonts.cache_clear()
    yield
    pictures._fonts.cache_clear()


def quiet(count: int = 1, label: str = "yes") -> GeneratedSpeech:
    """Clips of silence, whose log-Mels are -1 throughout."""
    return GeneratedSpeech(
        mels=np.full((count, 1, BANDS, FRAMES), -1, np.float32),
        audio=np.zeros((count, RATE), np.float32),
        rate=RATE,
        labels=(label,) * count,
        seeds=tuple(range(count)),
        heard=(label,) * count,
        confidence=np.full(count, 0.5, np.float32),
    )


def pixels(path: Path) -> Pixels:
    """(rows, columns, 3)."""
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image).astype(int)


def clip(speech: GeneratedSpeech, tmp_path: Path) -> Pixels:
    save_clip(speech, MelSettings(), tmp_path / "clip.png")
    return pixels(tmp_path / "clip.png")


def grid(speech: GeneratedSpeech, tmp_path: Path, of: int | None = None) -> Pixels:
    save_grid(speech, MelSettings(), tmp_path / "grid.png", of or len(speech.labels))
    return pixels(tmp_path / "grid.png")


def inside(image: Pixels, frame: pictures.Frame) -> Pixels:
    return image[frame.top : frame.bottom, frame.left : frame.right]


def brightest(image: Pixels) -> tuple[int, int]:
    """Row and column."""
    row, column = np.unravel_index(image.sum(-1).argmax(), image.shape[:2])
    return int(row), int(column)


def blue(image: Pixels) -> NDArray[np.bool_]:
    """Where the waveform is, among black, white and grey."""
    return image[..., 2] - image[..., 0] > 60


def test_a_cell_is_where_its_band_and_time_are(tmp_path: Path) -> None:
    speech = quiet()
    speech.mels[0, 0, 3, 50] = 1
    # 1.024 s of log-Mel are the whole width: 11 pixels a frame, 5 a band from the bottom.
    row, column = brightest(inside(clip(speech, tmp_path), MEL))
    assert (MEL.height - 1 - row) // 5 == 3
    assert column // 11 == 50


def test_each_panel_shows_its_own_clip(tmp_path: Path) -> None:
    speech = quiet(8)
    for k in range(8):
        speech.mels[k, 0, 10 * k + 2, 8 * k + 2] = 1
    image = grid(speech, tmp_path)
    rows, columns = [0] * 6 + [1] * 2, [*range(6), 0, 1]
    for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
        left = pictures.GAP + j * (PANEL[0] + pictures.GAP)
        top = pictures.TITLE + i * (PANEL[1] + pictures.TITLE)
        row, column = brightest(image[top : top + PANEL[1], left : left + PANEL[0]])
        assert (PANEL[1] - 1 - row) * BANDS // PANEL[1] == 10 * k + 2
        assert column * FRAMES // PANEL[0] == 8 * k + 2


@pytest.mark.parametrize(
    ("count", "panels", "size"),
    [(2, 2, (242, 504)), (7, 7, (476, 1496)), (61, 60, (2374, 1496))],
)
def test_a_grid_has_a_panel_for_each_of_the_first_clips(
    count: int, panels: int, size: tuple[int, int], tmp_path: Path
) -> None:
    image = grid(quiet(count), tmp_path)
    assert image.shape[:2] == size
    assert (image == BLACK).all(-1).sum() == panels * PANEL[0] * PANEL[1]


def test_a_grid_tells_how_many_clips_it_leaves_out(tmp_path: Path) -> None:
    speech = quiet(2)
    all_of_them, of_3, of_4 = (grid(speech, tmp_path, of) for of in (2, 3, 4))
    assert len(of_3) == len(of_4) == len(all_of_them) + pictures.TITLE
    assert (of_3[pictures.TITLE :] == all_of_them).all()
    assert (of_3 != of_4).any()


@pytest.mark.parametrize("label", ["yes", LONG])
@pytest.mark.parametrize("draw", [clip, grid])
def test_label_and_seed_are_told(
    draw: Callable[[GeneratedSpeech, Path], Pixels], label: str, tmp_path: Path
) -> None:
    speech = quiet(label=label)
    image = draw(speech, tmp_path)
    assert (image != draw(replace(speech, seeds=(1,)), tmp_path)).any()
    assert (image != draw(replace(speech, labels=("no",)), tmp_path)).any()
    assert (image[:, -4:] == 255).all()  # what is too long does not run out of the picture


@pytest.mark.parametrize("label", ["yes", LONG])
def test_what_the_classifier_hears_is_told_if_there_is_one(label: str, tmp_path: Path) -> None:
    speech = quiet(label=label)
    surer = replace(speech, confidence=np.full(1, 0.75, np.float32))
    none = replace(speech, heard=(), confidence=np.zeros(0, np.float32))
    other = replace(speech, heard=("no",))
    images = [clip(each, tmp_path) for each in (speech, surer, none, other)]
    assert len({image.tobytes() for image in images}) == 4
    line = images[2][45 : MEL.top - 12]  # between the title and the topmost tick
    assert (line == 255).all()


def test_the_waveform_has_the_time_of_the_log_mel(tmp_path: Path) -> None:
    speech = quiet()
    speech.audio[0, RATE // 2 : RATE // 2 + 40 : 2] = 0.1
    found = blue(inside(clip(speech, tmp_path), WAVE))
    tall = np.flatnonzero(found.sum(0) > 20)
    at = tall.mean() / WAVE.width * 1.024
    assert at == pytest.approx(0.5, abs=0.004)
    assert found[: WAVE.height // 2].sum() > 10 * found[WAVE.height // 2 + 3 :].sum()  # upwards
    last = np.flatnonzero(found.any(0))[-1]  # the audio ends before the log-Mel
    assert last / WAVE.width * 1.024 == pytest.approx(1, abs=0.004)


def test_the_legend_has_the_colours_of_magma(tmp_path: Path) -> None:
    column = inside(clip(quiet(), tmp_path), LEGEND)[:, 5]
    expected = colormaps["magma"](np.linspace(1, 0, len(column)))[:, :3] * 255
    assert np.abs(column - expected).max() < 6


@pytest.mark.parametrize("label", LABELS)
def test_any_letters_are_drawn_without_a_warning(label: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clip(quiet(label=label), tmp_path)
        grid(quiet(2, label), tmp_path)


@pytest.mark.usefixtures("no_system_fonts")
def test_letters_that_no_font_has_are_boxes(tmp_path: Path) -> None:
    labels = ("你好", "ΛΩ", "你好好")
    two, other_two, three = (grid(quiet(label=label), tmp_path) for label in labels)
    assert (two == other_two).all()
    assert (two != three).any()


@pytest.mark.parametrize("draw", [clip, grid])
def test_a_picture_that_cannot_be_written_leaves_nothing_behind(
    draw: Callable[[GeneratedSpeech, Path], Pixels], tmp_path: Path
) -> None:
    path = tmp_path / f"{draw.__name__}.png"
    path.mkdir()
    with pytest.raises(OSError, match="a folder has that name"):
        draw(quiet(), tmp_path)
    assert list(tmp_path.rglob("*")) == [path]
