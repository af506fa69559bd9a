"""Turn the model of a finished run into weights for the repository, with their origin noted.

python tools/ship_weights.py runs/score src/scoresubnet/pretrained/words18-small.safetensors
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from scoresubnet.sampling import SAMPLING_PRESETS, Sampling
from scoresubnet.weights import load_model, save_model


def _english(words: int) -> dict[str, str]:
    return {
        "data": (
            f"training splits of Google Speech Commands (Warden 2018, CC BY 4.0; {words} words, "
            "the clips at hand) and of the Free Spoken Digit Dataset (Zenodo, CC BY-SA 4.0)"
        ),
        "licence": "MIT; the recordings behind it: CC BY 4.0 and CC BY-SA 4.0",
    }


ARABIC = {
    "data": (
        "training split of the Arabic Speech Commands Dataset (Ghandoura, Hjabo & Al Dakkak 2021, "
        "CC BY 4.0; 16 words), started from words18-small"
    ),
    "licence": (
        "MIT; the recordings behind it: CC BY 4.0, and those of words18-small, CC BY 4.0 and "
        "CC BY-SA 4.0"
    ),
}


@dataclass(frozen=True)
class Shipped:
    """Weights that the package ships, or that stand beside the recipes.

    Attributes:
        notes: the recordings behind them, and their licence.
        recipes: the configs that made them, in this order, each started from the one before.
        sampling: how they want to be sampled.
    """

    notes: dict[str, str]
    recipes: tuple[str, ...]
    sampling: Sampling


SMALL = Sampling("dpmpp-2m-sde", 16, "quadratic", 3.0, "constant")
SHIPPED = {
    "words18-small": Shipped(
        _english(18),
        (
            *("words18-small-classifier", "words18-small-finetune-classifier"),
            *("words18-small-style-classifier", "words18-small-score"),
            *("words18-small-finetune-score", "words18-small-finish-score"),
            "words18-small-label-score",
        ),
        SMALL,
    ),
    "words13-small": Shipped(
        _english(13), ("words13-small-classifier", "words13-small-score"), SMALL
    ),
    "words18-paper": Shipped(
        _english(18),
        ("words18-paper-classifier", "words18-paper-score"),
        SAMPLING_PRESETS["paper"],
    ),
    "arabic16-small": Shipped(
        ARABIC,
        ("arabic16-small-classifier", "arabic16-small-score"),
        SMALL,
    ),
}


def main(run: str, path: str) -> None:
    name = Path(path).stem
    if name not in SHIPPED:
        raise SystemExit(f"{path}: shipped weights are called {', '.join(SHIPPED)}")
    shipped, model = SHIPPED[name], load_model(run)
    model.score_model()  # refuses a classifier alone
    model.notes = shipped.notes | {"recipe": f"configs {', '.join(shipped.recipes)}"}
    model.sampling = shipped.sampling
    save_model(model, path, torch.float16)


if __name__ == "__main__":
    main(*sys.argv[1:])
