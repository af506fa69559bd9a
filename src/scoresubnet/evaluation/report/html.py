"""A report as one HTML page with its pictures inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

from matplotlib.figure import Figure

from scoresubnet.evaluation.report.report import (
    Report,
    callouts,
    cost_lines,
    footnotes,
    introduction,
    left_out_lines,
    missing_lines,
    suspect_lines,
    table,
    time_lines,
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1200px;
  padding: 0 1em; color: #1b1f24; }
h1, h2 { color: #1f4e79; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
th, td { padding: .3em .7em; border-bottom: 1px solid #d7dce1; text-align: right; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
tr.generated td { background: #e8f0f8; font-weight: 600; }
ul.wrong { color: #b3541e; }
ul.notes { color: #59636e; font-size: 13px; }
img { max-width: 100%; }
"""


def html_page(report: Report, pictures: Mapping[str, Figure]) -> str:
    """The whole page; it needs no other file.

    Args:
        report: what `report.assemble` gives.
        pictures: heading -> figure.
    """
    parts = [f"<p>{escape(line)}</p>" for line in introduction(report)]
    parts.append(_list(callouts(report), "wrong"))
    for section in report["sections"].values():
        parts.append(f"<h2>{escape(section['title'])}</h2>")
        parts.append(_table(table(report, section), list(report["systems"])))
        parts.append(_list(footnotes(section), "notes"))
    for heading, figure in pictures.items():
        parts.append(f"<h2>{escape(heading)}</h2>")
        parts.append(f'<img alt="{escape(heading)}" src="{data_url(figure)}">')
    for heading, lines in (
        ("Nearest training clips", suspect_lines(report)),
        ("Cost", cost_lines(report)),
        ("Not measured", missing_lines(report)),
        ("Left out", left_out_lines(report)),
        ("Times", time_lines(report)),
    ):
        if lines:
            parts += [f"<h2>{heading}</h2>", _list(lines, "notes")]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>Evaluation</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>Evaluation</h1>\n{body}\n</body>\n</html>\n"
    )


def data_url(figure: Figure) -> str:
    """A figure as a PNG inside a URL."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _table(lines: Sequence[Sequence[str]], names: Sequence[str]) -> str:
    head, *body = lines
    rows = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    rows += ["".join(f"<td>{escape(cell)}</td>" for cell in line) for line in body]
    classes = ["", *names]
    text = "\n".join(
        f'<tr class="{name}">{row}</tr>' for name, row in zip(classes, rows, strict=True)
    )
    return f"<table>\n{text}\n</table>"


def _list(lines: Sequence[str], kind: str) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>' if items else ""
