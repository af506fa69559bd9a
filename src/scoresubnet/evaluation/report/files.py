"""The three files of a report, and the pictures in the page."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from scoresubnet.evaluation.report.assemble import Report
from scoresubnet.evaluation.report.figures import (
    accuracy_figure,
    bars_figure,
    confusion_figure,
    mel_grid,
)
from scoresubnet.evaluation.report.html import html_page
from scoresubnet.evaluation.report.markdown import markdown
from scoresubnet.evaluation.systems import Systems
from scoresubnet.files import write_json, write_text


def write_report(report: Report, systems: Systems, out: Path) -> list[Path]:
    """Write `report.md`, `report.json` and `report.html`, each complete or not at all.

    Returns:
        Those that were written; the others are named.

    Raises:
        OSError: none was.
    """
    page = html_page(report, pictures(report, systems))
    files: dict[str, Callable[[Path], None]] = {
        "report.md": lambda path: write_text(path, markdown(report)),
        "report.json": lambda path: write_json(path, report),
        "report.html": lambda path: write_text(path, page),
    }
    written = []
    for name, write in files.items():
        try:
            write(out / name)
            written.append(out / name)
        except OSError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not written:
        raise OSError(f"{out}: the report was not written; the same command writes it, once it can")
    return written


def pictures(report: Report, systems: Systems) -> dict[str, Figure]:
    """Heading -> picture, of what was measured."""
    found: dict[str, Figure] = {}
    bars = bars_figure(report)
    if bars is not None:
        found["Every metric beside the reference rows"] = bars
    for name, section in report["sections"].items():
        confusion = section["details"].get("confusion")
        if confusion and confusion["systems"]:
            found[f"Confusions: {section['title']}"] = confusion_figure(confusion, name)
        if name == "classifier" and section["figures"][0]["systems"]:
            found["Accuracy against noise"] = accuracy_figure(section)
    for row in systems.rows.values():
        if row.name not in (*systems.evaluated, "vocoded"):
            continue
        found[f"Log-Mels: {row.title}"] = mel_grid(row)
    return found
