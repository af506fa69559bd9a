"""The figures of README and model cards, from the report of an evaluation.

    scoresubnet evaluate --weights words18-small --count 40 \\
        --reference ../shared/data/speech_commands --out runs/small
    python -m scoresubnet.experiments.card runs/small --readme README.md \\
        --card src/scoresubnet/pretrained/words18-small.md

What lies between the two marks in these files is written anew. It names the hash of the weights,
the vocoder and the version that the figures were made with; a test holds them against what ships.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from scoresubnet.evaluation.cache import settings_key
from scoresubnet.evaluation.report.markdown import cell, heading, markdown_table, words_table
from scoresubnet.files import write_text
from scoresubnet.sampling import Sampling

BEGIN = "<!-- figures: written by python -m scoresubnet.experiments.card -->"
END = "<!-- end of figures -->"
SHOWN = (
    *("pocketsphinx/accuracy", "evaluator/accuracy", "evaluator/frechet_infinite"),
    *("evaluator/kernel", "dnsmos/dnsmos_ovrl", "distillmos/distillmos"),
)
ROWS = ("real", "vocoded")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m scoresubnet.experiments.card",
        description="Write the figures of a report into a README and a model card.",
    )
    parser.add_argument("report", type=Path, help="folder of an evaluation of one system")
    parser.add_argument("--readme", type=Path | None, help="gets the main figures")
    parser.add_argument("--card", type=Path | None, help="gets these, every word, and the noise")
    given = parser.parse_args(arguments)
    report = json.loads((given.report / "report.json").read_text(encoding="utf-8"))
    if given.readme:
        write_block(given.readme, main_figures(report))
    if given.card:
        write_block(given.card, card_figures(report))
    print(stamp(report))
    return 0


def stamp(report: Mapping[str, Any]) -> str:
    """A sentence that names all that the figures depend on.

    Raises:
        ValueError: the report is not of one system that was sampled.
    """
    name, about = only_system(report)
    vocoder = settings_key("vocoder", about["vocoder"])
    sampling = Sampling.from_dict({k: about[k] for k in about if k in Sampling.__match_args__})
    return (
        f"{report['systems'][name]['clips']} clips of weights {about['weights_sha256'][:12]}, "
        f"vocoder {vocoder}, scoresubnet {report['versions']['scoresubnet']}; {sampling}."
    )


def only_system(report: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and settings of the one system of a report.

    Raises:
        ValueError: there are several, or it was not sampled.
    """
    ((name, about), *others) = report["evaluated"].items()
    if others or "weights_sha256" not in about:
        raise ValueError("give the report of one system that was sampled from weights")
    return name, about


def main_figures(report: Mapping[str, Any]) -> str:
    """The stamp, and a line per metric: the system beside real clips."""
    name, _ = only_system(report)
    figures = {f["key"]: f for s in report["sections"].values() for f in s["figures"]}
    lines = [["", *(report["systems"][row]["title"] for row in (name, *ROWS))]]
    for key in SHOWN:
        if key in figures:
            found = figures[key]
            cells = [cell(found["systems"].get(row), found["digits"]) for row in (name, *ROWS)]
            what = f"{key.split('/')[0]}: {heading(found, set())}"
            lines.append([what, *cells])
    return f"{stamp(report)}\n\n{markdown_table(lines)}"


def card_figures(report: Mapping[str, Any]) -> str:
    """The main figures, the classifier against noise, and what is heard of every word."""
    name, _ = only_system(report)
    parts = [main_figures(report)]
    if classifier := report["sections"].get("classifier"):
        found = [figure["systems"][name] for figure in classifier["figures"]]
        times = [f"{time:g}" for time in classifier["details"]["times"]]
        shares = [f"{100 * each['value']:.1f}" for each in found]
        parts.append(
            f"The frozen classifier on {found[0]['count']} real test clips, against noise:\n\n"
            + markdown_table([["t", *times], ["right, %", *shares]])
        )
    sections = report["sections"]
    if heard := sections.get("pocketsphinx") or sections.get("evaluator"):
        parts.append(f"{heard['title']}:\n\n{markdown_table(words_table(dict(report), heard))}")
    return "\n".join(parts)


def write_block(path: Path, text: str) -> None:
    """Replace what lies between the marks of a file.

    Raises:
        ValueError: the marks are not there.
    """
    before = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(before):
        raise ValueError(f"{path}: no place for figures; put in the lines {BEGIN} and {END}")
    block = f"{BEGIN}\n{text}\n{END}"
    write_text(path, pattern.sub(lambda _: block, before, count=1))


if __name__ == "__main__":
    sys.exit(main())
