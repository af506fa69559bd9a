"""Own words from few recordings: are they heard, are they copies, and do they help a spotter?

    python -m scoresubnet.experiments.own_words --data ../shared/data --out runs/own-words \\
        --english recipes/words13-small.safetensors

Cells are made one after the other, those with 20 recordings first; give it several times to make
several side by side. What they need is looked for before the first. Killed, the same command goes
on; a cell that fails is named, and left out. What is there is written up in the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from jsonargparse import ArgumentParser

from scoresubnet.adaptation.score import Stopped
from scoresubnet.adaptation.takes import require_judge
from scoresubnet.evaluation.judges.intelligibility import WordRecogniser
from scoresubnet.experiments.own_words.cell import Cell, Sizes
from scoresubnet.experiments.own_words.espeak import require_espeak
from scoresubnet.experiments.own_words.page import read_results, write_page
from scoresubnet.experiments.own_words.words import LANGUAGES
from scoresubnet.model_about import find_weights
from scoresubnet.process.missing import install
from scoresubnet.training.config import Precision
from scoresubnet.training.process import FolderInUse, locked

COUNTS, SEEDS = (20, 5, 10, 50), (0, 1, 2)


def main(arguments: Sequence[str] | None = None, sizes: Sizes | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m scoresubnet.experiments.own_words", description=str(__doc__)
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder of all that is made")
    parser.add_argument("--english", type=str | None, help="weights without the words")
    parser.add_argument(
        "--arabic", type=str | None, default="words18-small", help="likewise; null: no Arabic"
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no cell after so many")
    parser.add_argument("--counts", nargs="+", type=int, default=list(COUNTS), help="recordings")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), help="draws of them")
    parser.add_argument(
        "--precision", type=Precision, default="32-true", help="of trainings, as of `adapt`"
    )
    given = parser.parse_args(arguments)
    sizes = sizes or Sizes()
    recipe = replace(sizes.recipe, precision=given.precision)
    spotter = replace(sizes.spotter, precision=given.precision)
    sizes = replace(sizes, recipe=recipe, spotter=spotter)
    both = {"english": given.english, "arabic": given.arabic}
    pairs = [(LANGUAGES[name], source) for name, source in both.items() if source is not None]
    cells = [
        Cell(language, count, seed, given.data, source, given.out, sizes)
        for count in given.counts
        for seed in given.seeds
        for language, source in pairs
    ]
    try:
        read_results(given.out)  # refuses what could not be written up in the end
        missing = [cell for cell in cells if not cell.is_made]
        if missing:
            _require(missing)
    except (ImportError, OSError, ValueError) as error:
        print(f"own_words: {error}", file=sys.stderr)
        return 1
    begun, failed = time.monotonic(), 0
    for cell in missing:
        if given.minutes and time.monotonic() - begun > 60 * given.minutes:
            break
        try:
            _make(cell)
        except Stopped as error:
            print(f"{error}; the same command goes on from there", file=sys.stderr)
            return 130
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            print(f"{cell.folder.name} failed: {error}", file=sys.stderr)
            failed += 1
    try:
        if not read_results(given.out):
            print(f"{given.out}: nothing has been measured yet", file=sys.stderr)
            return min(failed, 1)
        for path in write_page(given.out):
            print(path)
    except (OSError, ValueError) as error:
        print(f"own_words: {error}", file=sys.stderr)
        return 1
    return min(failed, 1)


def _require(cells: Sequence[Cell]) -> None:
    """Look for what cells need, and would miss after half an hour.

    Raises:
        ImportError: a package is not installed.
        FileNotFoundError: recordings, weights or espeak-ng are missing.
        ValueError: there are no such weights.
    """
    require_judge()
    require_espeak()
    for name in ("onnx", "onnxscript", "sklearn"):
        if find_spec(name) is None:
            raise ImportError(f"No module named {name!r}; {install('adapt')}")
    for language, data, source in {(c.language, c.data, c.weights) for c in cells}:
        language.clips(data, "training")
        find_weights(source)
        if language.heard:
            WordRecogniser(language.words)


def _make(cell: Cell) -> None:
    """Make a cell, unless another process is at it, or has made it meanwhile."""
    cell.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(cell.folder))
        except FolderInUse:
            return
        if not cell.is_made:
            print(cell.folder.name, file=sys.stderr)
            cell.run()
