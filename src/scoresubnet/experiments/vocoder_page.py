"""The page of the vocoders: originals beside resyntheses, in figures and in pictures.

    python -m scoresubnet.experiments.vocoder_page --data ../shared/data --out runs/vocoder \\
        --vocoders griffin-lim pitch

The first 500 clips of the sorted Speech Commands testing list go through log-Mel and each vocoder,
and are compared with their originals; so are 180 generated words, where there is no original. The
folder gets `table.md`, `table.json` (every figure, count, setting and version), `real.png` and
`generated.png`. Scores and generated log-Mels are kept in `cache/` there: with one more vocoder the
same command measures that one alone.

The packages of the measures come with `make evaluate-requirements`, or with

    pip install scoresubnet[evaluate]
    pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0

where `pesq` is compiled and wants a C compiler.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser
from jsonargparse.typing import NonNegativeInt, PositiveInt


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m scoresubnet.experiments.vocoder_page",
        description="Measure vocoders: real words against their originals, and generated words.",
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder that holds speech_commands/"
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the results")
    parser.add_argument(
        "--vocoders",
        type=str,
        nargs="+",
        default=["griffin-lim", "pitch"],
        help="names of the vocoders",
    )
    parser.add_argument("--count", type=PositiveInt, default=500, help="real clips")
    parser.add_argument(
        "--weights",
        type=str,
        default="words18-small",
        help="of the generator: name of shipped weights, a folder or a file",
    )
    parser.add_argument(
        "--generated", type=NonNegativeInt, default=10, help="generated clips per label"
    )
    parser.add_argument("--steps", type=PositiveInt, default=100, help="reverse steps of those")
    parser.add_argument(
        "--threads", type=PositiveInt, default=None, help="of torch and the networks that listen"
    )
    given = parser.parse_args(arguments)

    import torch

    from scoresubnet.experiments.resynthesis import make_page

    if given.threads:
        torch.set_num_threads(given.threads)
    text = make_page(
        given.data,
        given.out,
        given.vocoders,
        given.count,
        given.weights,
        range(given.generated),
        given.steps,
    )
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
