"""A report as plain values, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoresubnet.evaluation.report.ranking import misranked
from scoresubnet.evaluation.results import Section
from scoresubnet.evaluation.systems import TITLES, Systems

FORMAT = "scoresubnet-report/1"
ARROWS = {"lower": " \u2193", "higher": " \u2191", None: ""}
WRONG = " \u2021"  # after a metric that has reference rows in the wrong order
DASH = "\u2013"  # where there is no figure

Report = dict[str, Any]
"""What `report.json` holds. All but `times` depends on the clips and settings alone."""


def assemble(
    about: Mapping[str, Any],
    systems: Systems,
    sections: Sequence[Section],
    missing: Mapping[str, str],
    cost: Mapping[str, float] | None,
    times: Mapping[str, Any],
) -> Report:
    """All that is known, ready for JSON.

    Args:
        about: where the clips are from, what was left out, hashes, seeds and versions.
        systems: the rows.
        sections: what was found.
        missing: section -> why it is not there.
        cost: of the generator, if one was given.
        times: wall-clock seconds.
    """
    findings = [finding for section in sections for finding in section.findings]
    return {
        "format": FORMAT,
        **about,
        "systems": {
            name: {"title": TITLES[name], "clips": len(row.clips)}
            for name, row in systems.rows.items()
        },
        "reference_clips": len(systems.reference),
        "set_size": systems.equal,
        "misranked": [pair.to_dict() for pair in misranked(findings)],
        "missing": dict(missing),
        "sections": {
            section.name: {
                "title": section.title,
                "settings": dict(section.settings),
                "figures": [finding.to_dict() for finding in section.findings],
                "details": dict(section.details),
            }
            for section in sections
        },
        "cost": dict(cost) if cost else None,
        "times": dict(times),
    }


def markdown(report: Report) -> str:
    """The report as text with tables: one a section, a line per system."""
    introduced = [f"{line}\n" for line in introduction(report)]
    parts = ["# Evaluation\n", *introduced, _list(callouts(report))]
    for section in report["sections"].values():
        head, *body = table(report, section)
        lines = [head, ["---", *("---:" for _ in head[1:])], *body]
        text = "".join(
            f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in lines
        )
        parts.append(f"## {section['title']}\n\n{text}")
        parts.append(_list(footnotes(section)))
    parts.append(_heading("Nearest training clips", _list(suspect_lines(report))))
    parts.append(_heading("Cost", _list(cost_lines(report))))
    parts.append(_heading("Not measured", _list(missing_lines(report))))
    parts.append(_heading("Left out", _list(left_out_lines(report))))
    parts.append(_heading("Times", _list(time_lines(report))))
    return "\n".join(part for part in parts if part)


def introduction(report: Report) -> list[str]:
    """What was compared with what, in sentences."""
    generated, reference = report["generated"], report["reference"]
    rows = ", ".join(f"{row['clips']} {row['title']}" for row in report["systems"].values())
    lines = [
        f"Generated clips: {generated['what']}. Real clips: {reference['what']}.",
        f"Rows: {rows}. Sets (Fréchet distance, precision, recall, voices) are compared in equal "
        f"numbers: {report['set_size']} of each row, with as many of {report['reference_clips']} "
        "further real test clips.",
        "In brackets: 95 % intervals. \u2193 lower is better, \u2191 higher. "
        "\u2021 marks a metric that has reference rows in the wrong order, beyond their intervals.",
    ]
    if report["labels"]:
        lines.append(f"Labels: {', '.join(report['labels'])}.")
    if not generated["labelled"]:
        lines.append(
            "The generated clips have no labels: accuracy, intelligibility and confusion are left "
            "out for them."
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
        f"Not told apart: {TITLES[better]} and {TITLES[worse]}; their intervals overlap, and the "
        f"second is ahead in {', '.join(keys)}."
        for (better, worse), keys in ties.items()
    ]
    return lines


def wrongly_ranked(report: Report) -> set[str]:
    """Keys of the metrics that have reference rows in the wrong order, beyond their intervals."""
    return {pair["key"] for pair in report["misranked"] if pair["clear"]}


def table(report: Report, section: Mapping[str, Any]) -> list[list[str]]:
    """A heading, and a line per system, as text."""
    wrong = wrongly_ranked(report)
    figures = section["figures"]
    head = [
        f"{figure['text']}{ARROWS[figure['better']]}{WRONG if figure['key'] in wrong else ''}"
        for figure in figures
    ]
    lines = [["", *head]]
    for name, row in report["systems"].items():
        lines.append([row["title"], *(_cell(figure, name) for figure in figures)])
    return lines


def _cell(figure: Mapping[str, Any], system: str) -> str:
    found, digits = figure["systems"].get(system), figure["digits"]
    if found is None or found["value"] is None:
        return DASH
    value = f"{found['value']:.{digits}f}"
    if found["low"] is None:
        return value
    return f"{value} ({found['low']:.{digits}f} to {found['high']:.{digits}f})"


def footnotes(section: Mapping[str, Any]) -> list[str]:
    """Why a figure or its interval is missing."""
    return [
        f"{figure['text']}, {TITLES[system]}: {found['why']}"
        for figure in section["figures"]
        for system, found in figure["systems"].items()
        if found["why"]
    ]


def cost_lines(report: Report) -> list[str]:
    """What the generator costs; nothing if none was given."""
    cost, speed = report["cost"], report["times"].get("sampling")
    if not cost:
        return []
    lines = [
        f"parameters: {cost['parameters'] / 1e6:.2f} M, of these trained for generation "
        f"{cost['trainable'] / 1e6:.2f} M",
        f"one step of one clip: {cost['unconditional_gmacs']:.2f} GMACs, guided "
        f"{cost['guided_gmacs']:.2f}; peak activations {cost['unconditional_mib']:.1f} MiB, guided "
        f"{cost['guided_mib']:.1f}",
        f"one clip: {cost['clip_gmacs']:.1f} GMACs, vocoder included",
    ]
    if speed:
        lines.append(
            f"on this machine {speed['seconds_per_clip']:.2f} s a clip, "
            f"{speed['real_time_factor']:.2f} s a second of sound"
        )
    return lines


def suspect_lines(report: Report) -> list[str]:
    """Pairs of generated and training clips that are as near as few test clips are."""
    novelty = report["sections"].get("novelty")
    found = novelty["details"]["suspects"] if novelty else []
    return [f"{s['generated']} and {s['training']}: {s['distance']:.3f}" for s in found]


def missing_lines(report: Report) -> list[str]:
    """What was not measured, and what to do about it."""
    return [f"{name}: {why}" for name, why in report["missing"].items()]


def left_out_lines(report: Report) -> list[str]:
    """How many files could not be used, and which."""
    lines = []
    for name, files in report["left_out"].items():
        if files:
            named = "; ".join(f"{file['file']} ({file['reason']})" for file in files)
            lines.append(f"{TITLES.get(name, name)}, {len(files)}: {named}")
    return lines


def time_lines(report: Report) -> list[str]:
    """How long it took, cached work not counted again."""
    seconds: Mapping[str, float] = report["times"]["seconds"]
    return [f"{name}: {value:.1f} s" for name, value in seconds.items()]


def _list(lines: Sequence[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def _heading(heading: str, text: str) -> str:
    return f"## {heading}\n\n{text}" if text else ""
