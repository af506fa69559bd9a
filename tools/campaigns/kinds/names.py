"""Names of files and folders: bytes that are no text, too long, or that look like options."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from scoresubnet.data.features import build_features
from scoresubnet.data.sources import find_clips
from tools.campaigns.material import save_sound
from tools.campaigns.mutations import TEXTS
from tools.campaigns.verdicts import Case


def names(random: random.Random, box: Path, material: Path) -> Case:
    """A file, folder or word of an odd name, where commands read and write."""
    name = _name(random)
    use = random.randrange(6)
    out, quick = str(box / "out"), ["--vocoder", "griffin-lim"]
    good = save_sound(box / "in" / "good.wav")
    if use == 0:
        save_sound(box / "in" / f"{_short(name, 251)}.wav")
        return Case(["vocode", str(box / "in"), out, *quick], (), ("out/good.wav",))
    if use == 1:
        return Case(["vocode", str(good), f"{out}/{name}", *quick])
    if use == 2:
        model = ["--weights", str(material), "--steps", "1", *quick]
        return Case(["generate", "hum", "--out", f"{out}/{name}", *model])
    if use == 3:
        line = ["generate", name, "--out", out]
        return Case(random.choice((["info", name], ["vocode", name, out], line)))
    word = _short(name, 255)
    for take in (0, 2):
        save_sound(box / "in" / word / f"take{take}.wav", 1600)
    good.unlink()
    if use == 4:
        shutil.copy(material / "model.safetensors", box / "in" / word)
        return Case(["info", str(box / "in" / word)])

    def trained() -> str | None:
        clips = find_clips([{"kind": "folder", "root": str(box / "in")}])
        kept = build_features(clips, sorted({c.label for c in clips}), box / "out", progress=False)
        return None if len(kept.clips) == 2 else f"{len(kept.clips)} of 2 clips were kept"

    return Case(trained)


def _name(random: random.Random) -> str:
    """A name without a slash, a NUL or a dot in front."""
    kind = random.randrange(4)
    if kind == 0:
        return "x" + os.fsdecode(bytes(random.choices((*range(1, 47), *range(48, 256)), k=6)))
    if kind == 1:
        return random.choice(("a", "é", "日")) * random.choice((60, 80, 100, 230, 250, 255, 300))
    text = random.choice(TEXTS).encode("utf-8", "replace").decode()
    text = text.replace("/", "-").replace("\0", "").lstrip(".") or "-"
    return text + random.choice(("", ".wav", ".npy", " ", "."))


def _short(name: str, most: int) -> str:
    """As many bytes as a machine takes; an umlaut may be cut in two."""
    return os.fsdecode(os.fsencode(name)[:most])
