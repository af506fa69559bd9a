"""Commands that are killed, and what makes two results of one equal."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import soundfile
import yaml

from scoresubnet.evaluation.generated import SPEED
from tools.campaigns.material import config, save_models, save_sound, save_words

OWN = ("time", "seconds", "sampling")
"""Keys of times."""


@dataclass(frozen=True)
class Command:
    """A command line that works in the folder `../out` of its box, given again after a kill.

    Attributes:
        name: of what it does.
        arguments: the line.
    """

    name: str
    arguments: list[str]


def trainings(material: Path) -> list[Command]:
    """Tiny trainings with augmentation and dropout that validate and save often."""
    words = save_words(material / "words")
    save_models(material)
    commands = []
    for kind, built_on in (("classifier", []), ("score", ["--classifier", str(material)])):
        path = material / f"{kind}.yaml"
        run = {"steps": 40, "validate_every": 4, "save_every": 0.001}
        path.write_text(yaml.safe_dump(config(kind, words, "../out/cache", **run)))
        line = ["train", kind, "--config", str(path), "--out", "../out/run", *built_on]
        commands.append(Command(kind, line))
    return commands


def batches(material: Path) -> list[Command]:
    """Many small files by each of the commands that make them."""
    model = str(save_models(material))
    words = str(save_words(material / "words"))
    for k in range(30):
        save_sound(material / "sounds" / f"deep{k % 3}" / f"{k}.wav", 4000, k, 100 + 10 * k)
    evaluate = ["evaluate", "--reference", words, "--out", "../out/report", "--count", "4"]
    quick = ["--weights", model, "--steps", "2", "--vocoder", "griffin-lim"]
    return [
        Command("generate", ["generate", "hum", "hiss", "--count", "8", "--out", "../out", *quick]),
        Command(
            "vocode", ["vocode", str(material / "sounds"), "../out", "--vocoder", "griffin-lim"]
        ),
        Command("evaluate", [*evaluate, "--sections", "classifier", "evaluator", *quick]),
    ]


def half_written(folder: Path) -> list[str]:
    """Files under their final names that cannot be read to the end."""
    broken = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if any(part.startswith(".") for part in inside) or not path.is_file():
            continue
        try:
            _read(path)
        except Exception as error:
            broken.append(f"{path}: {error!r}")
    return broken


def _read(path: Path) -> None:
    data = path.read_bytes()
    if path.suffix == ".wav":
        assert len(soundfile.read(io.BytesIO(data))[0]), "empty"
        assert int.from_bytes(data[4:8], "little") + 8 == len(data), "length"
    elif path.suffix == ".png":
        assert data.endswith(b"IEND\xaeB\x60\x82"), "end"
    elif path.suffix in (".npy", ".npz"):
        np.asarray(np.load(path, allow_pickle=False))
    elif path.suffix == ".safetensors":
        with safetensors.safe_open(path, framework="np") as file:
            assert file.keys()
    elif path.suffix in (".json", ".jsonl"):
        for text in data.decode().splitlines() if path.suffix == ".jsonl" else [data.decode()]:
            json.loads(text)
    elif path.suffix == ".yaml":
        yaml.safe_load(data)
    elif path.suffix == ".ckpt":
        assert zipfile.ZipFile(path).testzip() is None
    elif path.suffix in (".md", ".html"):
        assert data.endswith(b"\n") or data.rstrip().endswith(b"</html>"), "end"


def result(folder: Path) -> dict[str, Any]:
    """Files by name with what two runs share of each: content without times, or the name alone."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or ".tfevents." in name:  # one for each command that was given
            continue
        if path.name == SPEED or path.suffix in (".ckpt", ".md", ".html"):  # they tell times
            found[name] = None
        elif path.suffix == ".json":
            found[name] = _without_times(json.loads(path.read_text()))
        elif path.suffix == ".jsonl":  # steps after the last checkpoint are there again
            rows = map(json.loads, path.read_text().splitlines())
            found[name] = sorted({json.dumps(_without_times(row), sort_keys=True) for row in rows})
        elif path.suffix == ".safetensors":  # whose metadata have no order
            with safetensors.safe_open(path, framework="np") as file:
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                content = {key: (x.dtype, x.shape, x.tobytes()) for key, x in arrays.items()}
                found[name] = file.metadata(), content
        else:
            found[name] = path.read_bytes()
    return found


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in OWN}
    return [_without_times(v) for v in value] if isinstance(value, list) else value
