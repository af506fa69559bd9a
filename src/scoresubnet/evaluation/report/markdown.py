"""A report in words and tables: what Markdown and HTML share, and the Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from scoresubnet.evaluation.report.assemble import Report
from scoresubnet.evaluation.systems import REFERENCES

ARROWS = {"lower": " \u2193", "higher": " \u2191", None: ""}
WRONG = " \u2021"  # after a metric that has reference rows in the wrong order
DASH = "\u2013"  # where there is no figure
TOLD_APART = " *"  # after a difference whose interval leaves out 0


def markdown(report: Report) -> str:
    """The report as text with tables: one a section, a line per system."""
    introduced = [f"{literal(line)}\n" for line in introduction(report)]
    parts = ["# Evaluation\n", *introduced, _list(callouts(report))]
    for section in report["sections"].values():
        parts.append(f"## {section['title']}\n\n{markdown_table(table(report, section))}")
        parts.append(_list(footnotes(section)))
        if lines := words_table(report, section):
            parts.append(markdown_table(lines))
    for heading, lines in tables(report):
        parts.append(f"## {literal(heading)}\n\n{markdown_table(lines)}")
    parts += [f"## {heading}\n\n{_list(lines)}" for heading, lines in lists(report)]
    return "\n".join(part for part in parts if part)


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """A heading and lines of cells, as Markdown; numbers to the right."""
    head, *body = lines
    return "".join(
        f"| {' | '.join(row)} |\n"
        for row in [
            [literal(cell) for cell in head],
            ["---", *("---:" for _ in head[1:])],
            *([literal(cell) for cell in line] for line in body),
        ]
    )


def literal(text: str) -> str:
    """Text in which nothing is Markdown or mathematics, whatever labels and names are in it."""
    return re.sub(r"[\\`<|$&~#]|\](?=\()|\b_|_\b|(?<!\s)\*|\*(?!\s|$)", r"\\\g<0>", text)


def lists(report: Report) -> list[tuple[str, list[str]]]:
    """Headings with their lines, of what is no table; those that have lines."""
    found = [
        ("Nearest training clips", suspect_lines(report)),
        ("Cost", cost_lines(report)),
        ("Not measured", [f"{name}: {why}" for name, why in report["missing"].items()]),
        ("Left out", left_out_lines(report)),
        ("Times", [f"{name}: {s:.1f} s" for name, s in report["times"]["seconds"].items()]),
    ]
    return [(heading, lines) for heading, lines in found if lines]


def tables(report: Report) -> list[tuple[str, list[list[str]]]]:
    """Headings with tables, of what is about more than a section."""
    return [(f"Differences: {b} less {a}", differences(report, a, b)) for a, b in report["pairs"]]


def introduction(report: Report) -> list[str]:
    """Sentences that say what was compared with what."""
    evaluated = report["evaluated"]
    rows = ", ".join(f"{row['clips']} {row['title']}" for row in report["systems"].values())
    names = "; ".join(f"{name}, {about['what']}" for name, about in evaluated.items())
    size, reference = report["set_size"], report["reference_clips"]
    lines = [
        f"Evaluated: {names}. Real clips: {report['reference']['what']}.",
        f"Rows: {rows}. Sets are compared with {reference} further real test clips, of other "
        "speakers than those in the row of real ones where file names tell them. Figures that "
        "depend on the number of clips (Fréchet distance, precision, recall, voices) are of "
        f"{size} clips of each row.",
        "Intervals of 95 % in brackets. \u2193 lower is better, \u2191 higher. "
        "\u2021 marks a metric that has reference rows in the wrong order, beyond their intervals.",
    ]
    if report["pairs"]:
        lines.append(
            "Differences are paired, over the clips (label and number) that two systems share; "
            f"where they share none, between all clips of each. {TOLD_APART.strip()} marks those "
            "whose interval leaves out 0."
        )
    if report["labels"]:
        lines.append(f"Labels: {', '.join(report['labels'])}.")
    if unlabelled := [name for name, about in evaluated.items() if not about["labelled"]]:
        lines.append(
            f"Accuracy, intelligibility and confusion are left out for {', '.join(unlabelled)}, "
            "whose clips have no labels."
        )
    return lines


def callouts(report: Report) -> list[str]:
    """The metrics that have reference rows in the wrong order, a sentence each; then the ties."""
    lines = [
        f"\u2021 Wrong order: {pair['text']}." for pair in report["misranked"] if pair["clear"]
    ]
    ties: dict[tuple[str, str], list[str]] = {}
    for pair in report["misranked"]:
        if not pair["clear"]:
            ties.setdefault((pair["better"], pair["worse"]), []).append(pair["key"])
    lines += [
        f"Not told apart: {REFERENCES[better]} and {REFERENCES[worse]}; their intervals overlap, "
        f"and the second is ahead in {', '.join(keys)}."
        for (better, worse), keys in ties.items()
    ]
    return lines


def wrongly_ranked(report: Report) -> set[str]:
    """Keys of the metrics that have reference rows in the wrong order, beyond their intervals."""
    return {pair["key"] for pair in report["misranked"] if pair["clear"]}


def table(report: Report, section: Mapping[str, Any]) -> list[list[str]]:
    """A heading, and a line per system that has a figure or a reason for none."""
    wrong, figures = wrongly_ranked(report), section["figures"]
    head = [heading(figure, wrong) for figure in figures]
    lines = [["", *head]]
    for name, row in report["systems"].items():
        if any(name in figure["systems"] for figure in figures):
            cells = [cell(figure["systems"].get(name), figure["digits"]) for figure in figures]
            lines.append([row["title"], *cells])
    return lines


def differences(report: Report, a: str, b: str) -> list[list[str]]:
    """A heading, and a line per metric: system a, system b, and b less a on the clips of both."""
    wrong = wrongly_ranked(report)
    lines = [["", a, b, f"{b} less {a}", "clips"]]
    for name, section in report["sections"].items():
        for figure in section["figures"]:
            found = figure["differences"].get(f"{b} - {a}")
            if found is None:
                continue
            digits, low, high = figure["digits"], found["low"], found["high"]
            mark = TOLD_APART if low is not None and not low <= 0 <= high else ""
            own = [cell(figure["systems"][s], digits) for s in (a, b)]
            difference = cell(found, digits, sign="+") + mark
            what = f"{name}: {heading(figure, wrong)}"
            lines.append([what, *own, difference, str(found["count"])])
    return lines


def words_table(report: Report, section: Mapping[str, Any]) -> list[list[str]]:
    """A heading, and a line per label with the share that was heard as it; nothing without."""
    confusion = section["details"].get("confusion")
    if not confusion or not confusion["systems"]:
        return []
    systems, heard = confusion["systems"], confusion["heard"]
    labels = dict.fromkeys(label for found in systems.values() for label in found["asked"])
    lines = [["word", *(report["systems"][name]["title"] for name in systems)]]
    for label in labels:
        cells = []
        for found in systems.values():
            if label not in found["asked"] or label not in heard:
                cells.append(DASH)
                continue
            counts = found["counts"][found["asked"].index(label)]
            right, total = counts[heard.index(label)], sum(counts)
            cells.append(f"{100 * right / total:.0f} % ({right}/{total})")
        lines.append([label, *cells])
    return lines


def heading(figure: Mapping[str, Any], wrong: set[str]) -> str:
    """The name of a metric, with its direction and a mark if it ranks wrongly."""
    return f"{figure['text']}{ARROWS[figure['better']]}{WRONG if figure['key'] in wrong else ''}"


def cell(found: Mapping[str, Any] | None, digits: int, sign: str = "") -> str:
    """A figure with its interval, as text."""
    if found is None or found["value"] is None:
        return DASH
    value = f"{found['value']:{sign}.{digits}f}"
    if found["low"] is None:
        return value
    return f"{value} ({found['low']:{sign}.{digits}f} to {found['high']:{sign}.{digits}f})"


def footnotes(section: Mapping[str, Any]) -> list[str]:
    """Reasons for missing figures and intervals; systems with the same reason together."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for figure in section["figures"]:
        for system, found in [*figure["systems"].items(), *figure["differences"].items()]:
            if found["why"]:
                names = reasons.setdefault((figure["text"], found["why"]), [])
                names.append(REFERENCES.get(system, system))
    return [f"{text}, {', '.join(names)}: {why}" for (text, why), names in reasons.items()]


def _guided(value: float | None, digits: int) -> str:
    """What it is with guidance, where there can be any."""
    return "" if value is None else f", guided {value:.{digits}f}"


def cost_lines(report: Report) -> list[str]:
    """Costs of the generators; nothing if none was sampled."""
    lines = []
    for name, cost in report["costs"].items():
        speed = report["times"]["sampling"][name]
        gmacs, mib = (_guided(cost[f"guided_{unit}"], d) for unit, d in (("gmacs", 2), ("mib", 1)))
        lines.append(
            f"{name}: {cost['parameters'] / 1e6:.2f} M parameters, of these trained for generation "
            f"{cost['trainable'] / 1e6:.2f} M; one step of one clip "
            f"{cost['unconditional_gmacs']:.2f} GMACs{gmacs}, with "
            f"peak activations of {cost['unconditional_mib']:.1f} MiB{mib}"
            f"; one clip {cost['clip_gmacs']:.1f} GMACs, "
            "vocoder included; on this machine "
            f"{speed['seconds_per_clip']:.2f} s a clip, {speed['real_time_factor']:.2f} s a second "
            "of sound"
        )
    return lines


def suspect_lines(report: Report) -> list[str]:
    """Pairs of generated and training clips that are as near as few test clips are."""
    novelty = report["sections"].get("novelty")
    return [
        f"{name}: {s['generated']} and {s['training']}: {s['distance']:.3f}"
        for name, found in (novelty["details"]["suspects"] if novelty else {}).items()
        for s in found
    ]


def left_out_lines(report: Report) -> list[str]:
    """Numbers and names of files that could not be used."""
    return [
        f"{REFERENCES.get(name, name)}, {len(files)}: "
        + "; ".join(f"{file['file']} ({file['reason']})" for file in files)
        for name, files in report["left_out"].items()
        if files
    ]


def _list(lines: Sequence[str]) -> str:
    return "".join(f"- {literal(line)}\n" for line in lines)
