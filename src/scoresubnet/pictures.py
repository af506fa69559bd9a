"""The pictures that `generate` writes. Pillow draws them: matplotlib is large, and slow to load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scoresubnet.files import write_bytes

if TYPE_CHECKING:
    from scoresubnet.audio.mel import MelSettings
    from scoresubnet.generated_speech import GeneratedSpeech

MOST_PANELS = 60

WHITE, INK, GREY, BLUE = "#ffffff", "#1a1a1a", "#606060", "#1f77b4"
LARGE, SMALL = 22, 17  # sizes of text; at 16 Pillow's font has hardly a space between words
MAGMA = np.array(  # matplotlib's colours, eleven of its 256
    [
        *((0, 0, 4), (21, 14, 55), (59, 15, 112), (100, 26, 128), (140, 41, 129), (182, 55, 121)),
        *((222, 73, 104), (246, 111, 92), (254, 159, 109), (254, 206, 145), (252, 253, 191)),
    ]
)
SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf")
"""For letters that Pillow's own font lacks, which has little more than ASCII; used where found."""


class Frame(NamedTuple):
    """A rectangle of pixels, and the values at its edges."""

    left: int
    top: int
    width: int
    height: int
    seconds: float = 1.0
    low: float = -1.0
    high: float = 1.0

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    def x(self, seconds: float) -> int:
        return self.left + round(self.width * seconds / self.seconds)

    def y(self, value: float) -> int:
        return self.bottom - round(self.height * (value - self.low) / (self.high - self.low))


CLIP_SIZE = (904, 676)
# 64 frames and 80 bands fill whole pixels.
MEL = Frame(left=84, top=76, width=704, height=400)
WAVE = Frame(left=84, top=512, width=704, height=110)
LEGEND = Frame(left=808, top=76, width=18, height=400)
COLUMNS = 6
PANEL = (240, 208)
TITLE, BASELINE, GAP = 26, 20, 8  # pixels above a panel, down to its text, and between panels


def save_clip(speech: GeneratedSpeech, mel: MelSettings, path: Path) -> None:
    """The log-Mel and the waveform of the first clip, one above the other.

    Raises:
        OSError: the picture cannot be written; the message names it.
    """
    x, audio = speech.mels[0, 0], speech.audio[0]
    spoken, heard = x.shape[-1] * mel.hop_length / mel.sample_rate, len(audio) / speech.rate
    seconds = max(spoken, heard)  # both on one scale
    peak = float(np.abs(audio).max()) * 1.05 or 1.0
    image = Image.new("RGB", CLIP_SIZE, WHITE)
    _titles(image, speech)

    top = MEL._replace(seconds=seconds, low=0, high=len(x))
    image.paste(mel_image(x, (top.x(spoken) - top.left, top.height)), (top.left, top.top))
    _time_ticks(image, top)
    _value_ticks(image, top, "Mel band")

    bottom = WAVE._replace(seconds=seconds, low=-peak, high=peak)
    line = _wave_mask(audio / peak, (bottom.x(heard) - bottom.left, bottom.height))
    image.paste(BLUE, (bottom.left, bottom.top), line)
    _time_ticks(image, bottom, "time in s")
    _value_ticks(image, bottom, "amplitude")

    scale = _coloured(np.linspace(1, -1, LEGEND.height)[:, None])
    image.paste(scale.resize((LEGEND.width, LEGEND.height)), (LEGEND.left, LEGEND.top))
    _legend_ticks(image, LEGEND, "log magnitude, scaled")
    _save(image, path)


def save_grid(speech: GeneratedSpeech, mel: MelSettings, path: Path, of: int) -> None:
    """The log-Mels of the first 60 of `of` clips as a grid, each named by its label and seed.

    Raises:
        OSError: the picture cannot be written; the message names it.
    """
    count = min(len(speech.labels), MOST_PANELS)
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    width, height = PANEL[0] + GAP, PANEL[1] + TITLE
    head = TITLE if count < of else 0
    image = Image.new("RGB", (columns * width + GAP, head + rows * height + GAP), WHITE)
    if head:
        note = f"the first {count} of {of} clips"
        _write(image, (image.width // 2, BASELINE), note, "ms", GREY)
    for k in range(count):
        left, top = GAP + k % columns * width, head + k // columns * height
        parts = _fitting("", speech.labels[k], f" ({speech.seeds[k]})", SMALL, PANEL[0])
        middle = (PANEL[0] - _width(parts, SMALL)) // 2
        _write_parts(image, (left + middle, top + BASELINE), parts, SMALL)
        image.paste(mel_image(speech.mels[k, 0], PANEL), (left, top + TITLE))
    _save(image, path)


def _titles(image: Image.Image, speech: GeneratedSpeech) -> None:
    """What was asked for, and below it what the classifier hears, if there is one."""
    room = image.width - MEL.left - GAP
    asked = _fitting("'", speech.labels[0], f"', seed {speech.seeds[0]}", LARGE, room)
    _write_parts(image, (MEL.left, 36), asked, LARGE)
    if speech.heard:
        sure = f"' ({speech.confidence[0]:.0%})"
        heard = _fitting("the classifier hears '", speech.heard[0], sure, SMALL, room)
        _write_parts(image, (MEL.left, 63), heard, SMALL, GREY)


def _coloured(values: NDArray[np.floating]) -> Image.Image:
    """An image with a pixel for each value (rows, columns), from black at -1 to yellow at 1."""
    places = np.linspace(-1, 1, len(MAGMA))
    channels = [np.interp(values, places, channel) for channel in MAGMA.T]
    return Image.fromarray(np.stack(channels, axis=-1).round().astype(np.uint8))


def mel_image(x: NDArray[np.floating], size: tuple[int, int]) -> Image.Image:
    """A scaled log-Mel (F, T) of that width and height, low frequencies at the bottom."""
    return _coloured(x[::-1]).resize(size, Image.Resampling.BICUBIC)


def _wave_mask(audio: NDArray[np.floating], size: tuple[int, int], fine: int = 4) -> Image.Image:
    """A waveform in [-1, 1] as a smooth line: drawn `fine` times as large, and reduced."""
    width, height = size[0] * fine, size[1] * fine
    mask = Image.new("L", (width, height))
    xs = np.linspace(0, width, len(audio))
    ys = (1 - audio) / 2 * height
    ImageDraw.Draw(mask).line(np.stack([xs, ys], axis=-1).ravel().tolist(), 255, fine - 1)
    return mask.reduce(fine)


def _time_ticks(image: Image.Image, frame: Frame, name: str = "") -> None:
    """The outline, and seconds below it."""
    draw = ImageDraw.Draw(image)
    draw.rectangle((frame.left - 1, frame.top - 1, frame.right, frame.bottom), outline=INK)
    for value in _round_numbers(0, frame.seconds):
        x = frame.x(value)
        draw.line((x, frame.bottom, x, frame.bottom + 5), INK)
        _write(image, (x, frame.bottom + 8), f"{value:g}", "mt")
    _write(image, (frame.left + frame.width // 2, frame.bottom + 30), name, "mt")


def _value_ticks(image: Image.Image, frame: Frame, name: str) -> None:
    """Values from low to high, and what they are, on the left."""
    draw = ImageDraw.Draw(image)
    for value in _round_numbers(frame.low, frame.high, frame.height // 35):
        y = frame.y(value)
        draw.line((frame.left - 6, y, frame.left - 1, y), INK)
        _write(image, (frame.left - 10, y), f"{value:g}", "rm")
    _write_upwards(image, (32, frame.top + frame.height // 2), name)


def _legend_ticks(image: Image.Image, frame: Frame, name: str) -> None:
    """The same on the right."""
    draw = ImageDraw.Draw(image)
    draw.rectangle((frame.left - 1, frame.top - 1, frame.right, frame.bottom), outline=INK)
    for value in _round_numbers(frame.low, frame.high):
        y = frame.y(value)
        draw.line((frame.right, y, frame.right + 5, y), INK)
        _write(image, (frame.right + 9, y), f"{value:g}", "lm")
    _write_upwards(image, (image.width - 20, frame.top + frame.height // 2), name)


def _round_numbers(low: float, high: float, most: int = 10) -> Iterator[float]:
    """At most `most` multiples (and one more) of 1, 2 or 5 times a power of ten, in the range."""
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough * 0.999)
    for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1):
        yield float(k * step)


def _write(
    image: Image.Image, at: tuple[int, int], text: str, anchor: str, colour: str = INK
) -> None:
    """Small text at its anchor, as Pillow calls these."""
    ImageDraw.Draw(image).text(at, text, colour, _fonts(SMALL)[0], anchor)


def _write_upwards(image: Image.Image, at: tuple[int, int], text: str) -> None:
    """Small text that is read from below, around its middle."""
    size = _width([text], SMALL) + 4, SMALL + 8
    line = Image.new("RGB", size, WHITE)
    _write(line, (size[0] // 2, size[1] // 2), text, "mm")
    turned = line.transpose(Image.Transpose.ROTATE_90)
    image.paste(turned, (at[0] - turned.width // 2, at[1] - turned.height // 2))


def _write_parts(
    image: Image.Image, at: tuple[int, int], parts: Sequence[str], size: int, colour: str = INK
) -> None:
    """Parts of a line from the left, each in its font; the script of one turns no other around."""
    x, y = at
    for part in parts:
        ImageDraw.Draw(image).text((x, y), part, colour, _font(part, size), "ls")
        x += _width([part], size)


def _fitting(before: str, label: str, after: str, size: int, room: int) -> list[str]:
    """The three parts of a line; a long label loses its end, so that the rest can be read."""
    parts = [before, label, after]
    while label and _width(parts, size) > room:
        label = label[:-1]
        parts = [before, f"{label}…", after]
    return parts


def _width(parts: Sequence[str], size: int) -> int:
    return sum(round(_font(part, size).getlength(part)) for part in parts)


def _font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font, or that of the system which has more of these letters; else, boxes."""
    odd = {letter for letter in text if not letter.isascii()}
    fonts = _fonts(size) if odd else _fonts(size)[:1]
    return max(fonts, key=lambda font: sum(_has(font, letter) for letter in odd))


@cache
def _fonts(size: int) -> Sequence[ImageFont.FreeTypeFont]:
    """All there are; the first is Pillow's own."""
    fonts = [cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))]
    for name in SYSTEM_FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return fonts


@cache
def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether it is drawn otherwise than what no font has."""
    return bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))


def _save(image: Image.Image, path: Path) -> None:
    """Write a PNG; it appears complete or not at all."""
    file = BytesIO()
    image.save(file, format="PNG", compress_level=4)  # a third of the time of 6
    write_bytes(path, file.getvalue())
