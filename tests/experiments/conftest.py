"""The weights of a tiny model, and a tiny table."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from scoresubnet.weights import save_model
from tests.tiny import tiny_model


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """An untrained model of two words, just large enough to run."""
    model = tiny_model(("seven", "nine"))
    save_model(model, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def data(words_folder: Path, tmp_path: Path) -> Path:
    """The words of the table, and one that is not in it."""
    root = tmp_path / "data"
    shutil.copytree(words_folder, root)
    (root / "click").mkdir()
    for k in range(4):
        click = np.random.default_rng(k).standard_normal(16_000) * (np.arange(16_000) < 400)
        soundfile.write(root / "click" / f"take{k}.wav", 0.3 * click.astype("f4"), 16_000)
    return root


TINY_CLASSIFIER = {"widths": [8, 16], "blocks": [1, 1], "bottleneck_blocks": 1, "patch": 4}
TINY_SUBNET = {"widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1]}
TINY_UNET = {"widths": [8, 16], "blocks": [1, 1], "up_blocks": [1, 1], "patch": 4}


def _content(**changes: Any) -> dict[str, Any]:
    steps = {"sampler": "ddim", "steps": "1"}
    one_word = {"unet": TINY_UNET, "data": {"words": ["hum"]}}
    values: dict[str, Any] = {
        "title": "Tiny",
        "words": ["hum", "hiss"],
        "sources": [{"kind": "folder", "root": "."}],
        "reference": ".",
        "configs": {"classifier": "small-classifier", "score": "small-score", "unet": "small-unet"},
        "classifier": {"network": TINY_CLASSIFIER, "run": {"steps": 2, "validate_every": 2}},
        "shared": {"data": {"batch_size": 4}, "run": {"steps": 3, "validate_every": 2}},
        "groups": {
            "free": {
                "title": "Free",
                "unconditional": True,
                "settings": {**steps, "guidance": "0"},
                "count": 3,
                "sections": ["speech_embedding"],
                "against": "subnet",
            },
            "asked": {
                "title": "Asked",
                "settings": {**steps, "guidance": "3"},
                "count": 2,
                "sections": ["speech_embedding"],
                "against": "subnet",
            },
            "gamma": {
                "title": "Gamma",
                "settings": steps,
                "vary": {"guidance": ["0", "2"]},
                "count": 2,
                "seeds": 1,
                "sections": ["speech_embedding"],
            },
        },
        "models": {
            "subnet": {
                "family": "Subnet",
                "train": "score",
                "groups": ["free", "asked", "gamma"],
                "settings": {"subnet": TINY_SUBNET},
                "seeds": 2,
            },
            "unet": {
                "family": "U-Net",
                "regime": "one word",
                "train": "unet",
                "groups": ["asked", "gamma"],
                "settings": one_word,
            },
        },
    }
    return values | changes


@pytest.fixture
def content() -> Callable[..., dict[str, Any]]:
    """content(**changes) -> a table of two models and three groups."""
    return _content


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(**changes) -> a file with that table."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(_content(**changes), sort_keys=False))
        return path

    return write
