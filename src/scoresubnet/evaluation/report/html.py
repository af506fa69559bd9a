"""A report as one HTML page with its pictures inside."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from matplotlib.figure import Figure

from scoresubnet.evaluation.report.assemble import Report
from scoresubnet.evaluation.report.markdown import (
    callouts,
    footnotes,
    introduction,
    lists,
    table,
    tables,
    words_table,
)
from scoresubnet.plots import png

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1200px;
  padding: 0 1em; color: #1b1f24; }
h1, h2 { color: #1f4e79; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
th, td { padding: .3em .7em; border-bottom: 1px solid #d7dce1; text-align: right; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
tr.evaluated td { background: #e8f0f8; font-weight: 600; }
ul.wrong { color: #b3541e; }
ul.notes { color: #59636e; font-size: 13px; }
img { max-width: 100%; }
"""


def html_page(report: Report, pictures: Mapping[str, Figure]) -> str:
    """The whole page; it needs no other file.

    Args:
        report: what `assemble` gives.
        pictures: heading -> figure.
    """
    parts = [f"<p>{escape(line)}</p>" for line in introduction(report)]
    parts.append(_list(callouts(report), "wrong"))
    for section in report["sections"].values():
        parts.append(f"<h2>{escape(section['title'])}</h2>")
        parts.append(_table(table(report, section), report))
        parts.append(_list(footnotes(section), "notes"))
        if lines := words_table(report, section):
            parts.append(_table(lines, report))
    for heading, cells in tables(report):
        parts += [f"<h2>{escape(heading)}</h2>", _table(cells, report)]
    for heading, figure in pictures.items():
        parts.append(f"<h2>{escape(heading)}</h2>")
        parts.append(f'<img alt="{escape(heading)}" src="{data_url(figure)}">')
    for heading, notes in lists(report):
        parts += [f"<h2>{heading}</h2>", _list(notes, "notes")]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>Evaluation</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>Evaluation</h1>\n{body}\n</body>\n</html>\n"
    )


def data_url(figure: Figure) -> str:
    """A figure as a PNG inside a URL."""
    return f"data:image/png;base64,{base64.b64encode(png(figure, dpi=110)).decode()}"


def _table(lines: Sequence[Sequence[str]], report: Report) -> str:
    """Lines of systems that are evaluated stand out."""
    head, *body = lines
    evaluated = {report["systems"][name]["title"] for name in report["evaluated"]}
    rows = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    for line in body:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in line)
        rows.append(f"<tr{' class=evaluated' * (line[0] in evaluated)}>{cells}</tr>")
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _list(lines: Sequence[str], kind: str) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>' if items else ""
