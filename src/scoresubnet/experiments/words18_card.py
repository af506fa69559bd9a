"""The card of a word model: classifier accuracy against noise, and how many words a stranger hears.

    python -m scoresubnet.experiments.words18_card \\
        --weights words18-small --data ../shared/data --out runs/card

The folder gets `card.json` (every figure, count, setting, seed and version), `intelligibility.md`,
`accuracy.png`, `grid.png` and the generated clips in `wav/`. What the recogniser hears in the real
recordings is kept there too, so that the card of other weights in the same folder takes less time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser
from jsonargparse.typing import NonNegativeFloat, NonNegativeInt, PositiveInt


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m scoresubnet.experiments.words18_card",
        description="Measure a word model: classifier accuracy against noise, and intelligibility.",
    )
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--weights", type=str, help="name of shipped weights, a folder or a file")
    mode.add_argument(
        "--reference-only", action="store_true", help="only hear the real recordings; no weights"
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder that holds speech_commands/"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--count", type=PositiveInt, default=10, help="generated clips per label")
    parser.add_argument("--guidance", type=NonNegativeFloat, default=3.0, help="gamma")
    parser.add_argument("--steps", type=PositiveInt, default=100, help="reverse steps")
    parser.add_argument(
        "--seed0", type=NonNegativeInt, default=0, help="the first seed; the others follow it"
    )
    given = parser.parse_args(arguments)

    from scoresubnet.experiments.card import make_card, reference_table

    if given.reference_only:
        print(reference_table(given.data, given.out))
    else:
        seeds = range(given.seed0, given.seed0 + given.count)
        print(make_card(given.weights, given.data, given.out, seeds, given.guidance, given.steps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
