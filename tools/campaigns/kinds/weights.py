"""Files of weights: their JSON headers, configs and labels, and their tensors."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tools.campaigns.kinds.mels import with_header
from tools.campaigns.material import save_sound
from tools.campaigns.mutations import FOREIGN, TEXTS, altered, mutated
from tools.campaigns.verdicts import Case


def weights(random: random.Random, box: Path, material: Path) -> Case:
    """A model or a vocoder that was changed, shown or used."""
    kind = random.choice(("model", "model", "model", "vocoder"))
    folder = box / "in" / "run"
    path = folder / f"{kind}.safetensors"
    folder.mkdir()
    data = (material / path.name).read_bytes()
    what, label = random.random(), "hum"
    if what < 0.6:
        data, label = _described(random, data, str(box.parent))
    elif what < 0.75:
        data = with_header(random, data)
    elif what < 0.95:
        data = mutated(random, data, random.choice((64, 2000)))
    else:
        data = random.choice(FOREIGN)
    if random.random() < 0.02:
        path.mkdir()
    else:
        path.write_bytes(data)
    source = str(random.choice((folder, path)))
    things = (str(folder), repr(label))
    if kind == "vocoder":
        sound = str(save_sound(box / "in" / "good.wav"))
        line = ["vocode", sound, str(box / "out"), "--vocoder", f"pitch:{source}"]
        return Case(line, things)
    if random.random() < 0.6:
        return Case(["info", source, *random.choice(([], ["--json"]))], things)
    out = ["--out", str(box / "out"), "--vocoder", "griffin-lim", "--steps", "1"]
    return Case(["generate", "--weights", source, *out, "--", label], things)


def _described(random: random.Random, data: bytes, outside: str) -> tuple[bytes, str]:
    """(the file with a change in what its metadata says, a label of it)."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    about: dict[str, Any] = {}
    for key, text in header["__metadata__"].items():
        try:
            about[key] = json.loads(text)
        except ValueError:
            about[key] = text
    if "labels" in about and random.random() < 0.4:
        about["labels"][0] = random.choice((*TEXTS, f"{outside}/evil", 7, None, ["hum"]))
    else:
        about = altered(random, about)
    labels = about.get("labels")
    label = labels[0] if isinstance(labels, list) and labels else "hum"
    header["__metadata__"] = {
        key: value if key in ("format", "mel_hash") else json.dumps(value)
        for key, value in about.items()
    }
    text = json.dumps(header).encode()
    usable = isinstance(label, str) and "\0" not in label and label.isprintable()
    return len(text).to_bytes(8, "little") + text + data[8 + size :], label if usable else "hum"
