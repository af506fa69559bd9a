"""Files of log-Mels: headers, shapes, types and values."""

from __future__ import annotations

import io
import json
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from tools.campaigns.material import save_sound
from tools.campaigns.mutations import FOREIGN, altered, mutated
from tools.campaigns.verdicts import Case

TYPES = ("<f4", "<f4", "<f2", "<f8", ">f4", "<i4", "|b1", "<c8", "|O", "<U3", "|V8", "<M8[s]")
SIDES = (0, 1, 3, 4, 8, 64, 79, 80, 80, 81)


def mels(random: random.Random, box: Path, material: Path) -> Case:
    """A file of log-Mels beside a good sound, or alone."""
    path = box / "in" / random.choice(("x.npy", "x.npy", "x.safetensors", "x.NPY"))
    save_sound(box / "in" / "good.wav")
    kind = path.suffix.lower() if random.random() < 0.93 else ".npy"
    data = _npy(random) if kind == ".npy" else _safetensors(random)
    if random.random() < 0.4:
        data = random.choice(FOREIGN) if random.random() < 0.1 else mutated(random, data, 128)
    path.write_bytes(data)
    save = ["--vocoder", "griffin-lim"]
    if random.random() < 0.3:
        return Case(["vocode", str(path), str(box / "out"), *save], (path.name,))
    return Case(
        ["vocode", str(box / "in"), str(box / "out"), *save], (path.name,), ("out/good.wav",)
    )


def _array(random: random.Random) -> np.ndarray[Any, Any]:
    """Often right, (80, T); else of odd shape, type or values."""
    shape: tuple[int, ...] = (80, random.choice((4, 5, 8)))
    if random.random() < 0.5:
        shape = tuple(random.choice(SIDES) for _ in range(random.randrange(6)))
        shape = shape if np.prod(shape) < 1e5 else (1, *shape[:2])
    x = np.random.default_rng(random.getrandbits(32)).uniform(-1, 1, shape)
    if random.random() < 0.3:
        x = np.where(x > 0.9, random.choice((np.nan, np.inf, -5.0, 1e300, 1.0005)), x)
    with np.errstate(all="ignore"):
        x = x.astype(random.choice(TYPES)) if random.random() < 0.4 else x.astype("<f4")
    return np.asfortranarray(x) if random.random() < 0.2 else x


def _npy(random: random.Random) -> bytes:
    file = io.BytesIO()
    if random.random() < 0.05:
        np.savez(file, x=_array(random))
        return file.getvalue()
    if random.random() < 0.05:
        return pickle.dumps(_array(random))
    x = _array(random)
    np.lib.format.write_array(file, x, version=random.choice(((1, 0), (2, 0), (3, 0), None)))
    data = file.getvalue()
    if random.random() < 0.4 and data[6] == 1:
        body = data[10 + int.from_bytes(data[8:10], "little") :]
        header = {"descr": x.dtype.str, "fortran_order": False, "shape": list(x.shape)}
        text = (
            repr(altered(random, header))
            .replace("[", "(")
            .replace("]", ",)")
            .encode("utf-8", "replace")
        )
        data = b"\x93NUMPY\x01\0" + len(text + b"\n").to_bytes(2, "little") + text + b"\n" + body
    return data


def _safetensors(random: random.Random) -> bytes:
    x = _array(random)
    x = x if x.dtype.kind in "fib" and x.dtype.str[0] != ">" else np.zeros((80, 4), np.float32)
    names = random.choice((["mels"], ["x"], ["y"], ["a", "b"], ["mels", "seeds"], ["mels", "x"]))
    about = random.choice((None, {"mel_hash": "0"}, {"mel_hash": ""}, {"a": "b"}))
    data = safetensors.numpy.save(dict.fromkeys(names, np.ascontiguousarray(x)), about)
    return with_header(random, data) if random.random() < 0.4 else data


def with_header(random: random.Random, data: bytes) -> bytes:
    """The safetensors file with one change in its JSON header."""
    size = int.from_bytes(data[:8], "little")
    header = altered(random, json.loads(data[8 : 8 + size]))
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]
