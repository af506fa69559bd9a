"""`scoresubnet export`: weights as ONNX graphs, for runtimes without torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from jsonargparse import Namespace

from scoresubnet.export.run import export
from scoresubnet.files import refuse_unwritable


def run(values: Namespace) -> None:
    """Write the graphs, and say which files there are.

    Raises:
        ValueError: the weights cannot be read, or a graph does not compute the same.
        OSError: something cannot be written.
    """
    out = None if values.out is None else Path(values.out)
    if out is not None:
        refuse_unwritable(out)

    def progress(role: str) -> None:
        if not values.json:
            print(f"writing and checking the graph {role!r} (half a minute)", file=sys.stderr)

    written = [str(path) for path in export(values.weights, out, progress)]
    print(json.dumps({"files": written}, indent=1) if values.json else "\n".join(written))
