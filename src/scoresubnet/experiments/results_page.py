"""Short tables of a page about results, from the `table.json` files beside it.

    python -m scoresubnet.experiments.results_page docs/results.md

What lies between `<!-- table: sc12-small guided values -->` and `<!-- end of table -->` is written
anew from the group `guided` of `results/sc12-small/table.json`: `values`; `differences`, which
have intervals; or of a group in which a setting varies, a line for each model: `fid`, and `unseen`,
the share of the clips of words that the model never saw that are heard as asked for. A test holds
the page against these files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from scoresubnet.evaluation.report.markdown import ARROWS, DASH, cell, markdown_table
from scoresubnet.evaluation.systems import REFERENCES
from scoresubnet.experiments.results import Results
from scoresubnet.experiments.table_page import read_results, row_title
from scoresubnet.files import write_text
from scoresubnet.options.registries import refuse_unknown

FID = "evaluator/frechet_infinite"
COLUMNS = {
    FID: "FID∞",
    "evaluator/is": "IS",
    "evaluator/mis": "mIS",
    "evaluator/am": "AM",
    "evaluator/accuracy": "heard",
    "pocketsphinx/accuracy": "heard by pocketsphinx",
    "speech_embedding/fad_infinite": "FAD∞",
    "dnsmos/dnsmos_ovrl": "DNSMOS",
    "distillmos/distillmos": "DistillMOS",
}
"""Metric -> its short name."""
_BEGIN = re.compile(r"<!-- table: (\S+) (\S+) (\w+) -->")
_END = "<!-- end of table -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m scoresubnet.experiments.results_page",
        description="Write the tables of a page anew from the table.json files beside it.",
    )
    parser.add_argument("page", type=Path, help="Markdown file with marks for tables")
    page = parser.parse_args(arguments).page
    try:
        write_text(page, filled(page))
    except (ValueError, OSError) as error:
        print(f"results_page: {error}", file=sys.stderr)
        return 1
    return 0


def filled(page: Path) -> str:
    """The text of a page, with its tables as the results have them.

    Raises:
        ValueError: a mark names what there is not, or has no end, or the results are of another
            version.
        FileNotFoundError: there are no such results.
    """
    first, *others = re.split(r"(?=<!-- table:)", page.read_text(encoding="utf-8"))
    return first + "".join(_block(part, page) for part in others)


def _block(text: str, page: Path) -> str:
    """What follows a mark, up to the next one."""
    mark, end = text.partition("\n")[0], text.find(_END)
    found = _BEGIN.fullmatch(mark)
    if found is None or end < 0:
        form = f"<!-- table: NAME GROUP KIND -->, and {_END} after it"
        raise ValueError(f"{page}: {mark}: give it as {form}")
    name, key, kind = found.groups()
    results = read_results(page.parent / "results" / name / "table.json")
    refuse_unknown("group", key, results["groups"])
    refuse_unknown("kind of table", kind, KINDS)
    return f"{mark}\n{KINDS[kind](results, results['groups'][key])}\n{text[end:]}"


def _values(results: Results, group: Mapping[str, Any]) -> str:
    """Each row's size, cost and figures, without intervals."""
    keys = _columns(group)
    cost = "unconditional_gmacs" if group["unconditional"] else "guided_gmacs"
    heads = [f"{COLUMNS[key]}{ARROWS[group['metrics'][key]['better']]}" for key in keys]
    lines = [["", "M parameters [trained]", "GMACs a step", *heads]]
    for row in group["rows"]:
        costs = results["models"][row["model"]]["costs"]
        size = f"{costs['parameters'] / 1e6:.2f} [{costs['trainable'] / 1e6:.2f}]"
        figures = _figures(row["figures"], group, keys)
        lines.append([row_title(results, row), size, f"{costs[cost]:.2f}", *figures])
    for name, found in group["references"].items():
        lines.append([REFERENCES[name], "", "", *_figures(found, group, keys)])
    return markdown_table(lines).rstrip()


def _differences(results: Results, group: Mapping[str, Any]) -> str:
    """From the model that a group compares with, on clips of the same noise; 95 % intervals."""
    if group["against"] is None:
        raise ValueError("a group without `against` has no differences")
    if not group["differences"]:
        return "Not compared yet."
    metrics, keys = group["metrics"], _columns(group)
    keys = [key for key in keys if any(key in found for found in group["differences"].values())]
    titles = {row["name"]: row_title(results, row) for row in group["rows"]}
    lines = [["", *(COLUMNS[key] for key in keys)]]
    for pair, found in group["differences"].items():
        one, _, other = pair.partition(" - ")
        cells = [cell(found.get(key), metrics[key]["digits"], "+") for key in keys]
        lines.append([f"{titles[one]} − {titles[other]}", *cells])  # noqa: RUF001
    return markdown_table(lines).rstrip()


def _fid(results: Results, group: Mapping[str, Any]) -> str:
    """Of each model along what varies."""
    return _along(results, group, lambda row: _value(row["figures"], FID), "{:.2f}".format)


def _unseen(results: Results, group: Mapping[str, Any]) -> str:
    """Of each model that was not trained on all words."""

    def percent(row: Mapping[str, Any]) -> float | None:
        return 100 * row["unseen"]["share"] if row["unseen"] else None

    return _along(results, group, percent, "{:.1f} %".format)


def _along(
    results: Results,
    group: Mapping[str, Any],
    value: Callable[[Mapping[str, Any]], float | None],
    form: Callable[[float], str],
) -> str:
    """A line for each model of which there is a value, a column for each value of what varies."""
    if len(group["vary"]) != 1:
        raise ValueError("this table needs a group in which exactly one setting varies")
    (name,) = group["vary"]
    found: dict[str, dict[str, float]] = {}
    for row in group["rows"]:
        if (known := value(row)) is not None:
            title = row_title(results, {**row, "variant": {}})
            found.setdefault(title, {})[row["variant"][name]] = known
    columns = [x for x in group["vary"][name] if any(x in own for own in found.values())]
    lines = [[name, *columns]]
    for title, own in found.items():
        lines.append([title, *(form(own[x]) if x in own else DASH for x in columns)])
    return markdown_table(lines).rstrip()


KINDS: dict[str, Callable[[Results, Mapping[str, Any]], str]] = {
    "values": _values,
    "differences": _differences,
    "fid": _fid,
    "unseen": _unseen,
}
"""What a mark may ask for."""


def _columns(group: Mapping[str, Any]) -> list[str]:
    """The metrics of which a row has a value."""
    rows = [row["figures"] for row in group["rows"]]
    return [key for key in COLUMNS if any(_value(figures, key) is not None for figures in rows)]


def _value(figures: Mapping[str, Any], key: str) -> float | None:
    return (figures.get(key) or {}).get("value")


def _figures(found: Mapping[str, Any], group: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    cells = []
    for key in keys:
        value = _value(found, key)
        digits = group["metrics"][key]["digits"]
        cells.append(DASH if value is None else f"{value:.{digits}f}")
    return cells


if __name__ == "__main__":
    sys.exit(main())
