"""Turn the model of a finished run into shipped weights: its tensors, with their origin noted.

python tools/ship_weights.py runs/score src/scoresubnet/pretrained/words18-small.safetensors
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from scoresubnet.sampling import SAMPLING_PRESETS
from scoresubnet.weights import load_model, save_model

NOTES = {
    "data": (
        "training splits of Google Speech Commands (Warden 2018, CC BY 4.0; 18 words, the clips "
        "at hand) and of the Free Spoken Digit Dataset (Zenodo, CC BY-SA 4.0)"
    ),
    "licence": "MIT; the recordings behind it: CC BY 4.0 and CC BY-SA 4.0",
}
RECIPES = {
    "words18-small": (
        "configs words18-small-classifier, words18-small-finetune-classifier, "
        "words18-small-score, words18-small-finetune-score, words18-small-finish-score",
        torch.float32,
        None,
    ),
    "words18-paper": (
        "configs words18-paper-classifier, words18-paper-score",
        torch.float16,
        SAMPLING_PRESETS["paper"],
    ),
}
"""name -> how they were made, how they are stored, and how they want to be sampled if not fast."""


def main(run: str, path: str) -> None:
    name = Path(path).stem
    if name not in RECIPES:
        raise SystemExit(f"{path}: shipped weights are called {' or '.join(RECIPES)}")
    recipe, dtype, sampling = RECIPES[name]
    model = load_model(run)
    model.score_model()  # refuses a classifier alone
    model.notes, model.sampling = NOTES | {"recipe": recipe}, sampling
    save_model(model, path, dtype)


if __name__ == "__main__":
    main(*sys.argv[1:])
