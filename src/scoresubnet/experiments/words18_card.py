"""The former command of the model card, for one more release: an evaluation does its work."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser
from jsonargparse.typing import NonNegativeFloat, NonNegativeInt, PositiveInt


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(prog="python -m scoresubnet.experiments.words18_card")
    parser.add_argument("--weights", type=str, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=PositiveInt, default=10)
    parser.add_argument("--guidance", type=NonNegativeFloat, default=3.0)
    parser.add_argument("--steps", type=PositiveInt, default=100)
    parser.add_argument("--seed0", type=NonNegativeInt, default=0)
    given = parser.parse_args(arguments)

    from scoresubnet.evaluation.run import Evaluation
    from scoresubnet.evaluation.specs import SystemSpec

    print(
        "warning: words18_card goes with the next release; use `scoresubnet evaluate`, and "
        "`python -m scoresubnet.experiments.card` for the figures of a card",
        file=sys.stderr,
    )
    system = SystemSpec(
        weights=given.weights,
        sampling="paper",
        overrides={"guidance": given.guidance, "steps": given.steps},
    )
    Evaluation(
        [system],
        str(given.data / "speech_commands"),
        given.out,
        count=given.count,
        seed=given.seed0,
        vocoder="griffin-lim",
        only=["pocketsphinx", "classifier"],
    ).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
