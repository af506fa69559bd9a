"""A report as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scoresubnet.evaluation.report.ranking import misranked
from scoresubnet.evaluation.results import Section
from scoresubnet.evaluation.systems import Systems

FORMAT = "scoresubnet-report/2"

Report = dict[str, Any]
"""The content of `report.json`. All but `times` depends on the clips and settings alone."""


def assemble(
    about: Mapping[str, Any],
    systems: Systems,
    sections: Sequence[Section],
    missing: Mapping[str, str],
    costs: Mapping[str, Mapping[str, float | None]],
    times: Mapping[str, Any],
) -> Report:
    """All that is known, ready for JSON.

    Args:
        about: where the clips are from, what was left out, hashes, seeds and versions.
        systems: the rows.
        sections: what was found.
        missing: section -> why it is not there.
        costs: of the generators, by system.
        times: wall-clock seconds.
    """
    findings = [finding for section in sections for finding in section.findings]
    return {
        "format": FORMAT,
        **about,
        "systems": {
            name: {"title": row.title, "clips": len(row.clips)}
            for name, row in systems.rows.items()
        },
        "reference_clips": len(systems.reference.clips),
        "set_size": systems.equal,
        "pairs": [list(pair) for pair in systems.pairs],
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
        "costs": {name: dict(cost) for name, cost in costs.items()},
        "times": dict(times),
    }
