"""Results as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scoresubnet.files import replacing


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text; it appears complete or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write plain values as indented JSON; it appears complete or not at all.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot say.
    """
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
