"""`table.md` and the figures, from the plain results of a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from scoresubnet.evaluation.report.markdown import ARROWS, DASH, cell, markdown_table
from scoresubnet.evaluation.systems import REFERENCES
from scoresubnet.experiments.results import FORMAT, Results
from scoresubnet.files import write_json, write_text
from scoresubnet.plots import save_figure

SHOWN = (
    *("evaluator/frechet_infinite", "evaluator/kernel", "evaluator/accuracy", "evaluator/is"),
    *("evaluator/mis", "evaluator/am", "speech_embedding/fad_infinite", "vggish/fad"),
    *("sc09_resnext/frechet", "sc09_resnext/is", "sc09_resnext/mis", "sc09_resnext/am"),
    *("pocketsphinx/accuracy", "whisper/accuracy", "scoreq/scoreq", "dnsmos/dnsmos_ovrl"),
    *("distillmos/distillmos", "novelty/near"),
)
"""Columns, where they were measured."""
DRAWN = ("evaluator/frechet_infinite", "evaluator/accuracy")
"""What is drawn against the setting that varies; if neither was measured, the first two shown."""
_COLOURS = ("#1f4e79", "#b3541e", "#3d7a3d", "#7a3d77", "#555555")


def write_page(results: Results, folder: Path) -> list[Path]:
    """Write `table.json`, `table.md` and a figure for each group in which a number varies."""
    paths = [folder / "table.json", folder / "table.md"]
    write_json(paths[0], results)
    drawn = {
        key: folder / f"{key}.png"
        for key, group in results["groups"].items()
        if _numbers(group) and _drawn(group)
    }
    for key, path in drawn.items():
        save_figure(sweep_figure(results, key), path)
    write_text(paths[1], page(results, {key: path.name for key, path in drawn.items()}))
    return [*paths, *drawn.values()]


def read_results(path: Path) -> Results:
    """The results in a `table.json`.

    Raises:
        ValueError: it is none.
    """
    try:
        results: Results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: no table.json of `experiment report` ({error})") from error
    if not isinstance(results, dict) or results.get("format") != FORMAT:
        raise ValueError(f"{path}: no table.json of `experiment report`, of this version")
    return results


def page(results: Results, figures: Mapping[str, str]) -> str:
    """Everything as Markdown.

    Args:
        results: of a table.
        figures: group -> file of its figure.
    """
    parts = [f"# {results['title']}", f"Words: {', '.join(results['labels'])}."]
    if (given := results.get("classifier")) is not None:
        parts.append(f"Classifier: that of `{given['weights']}` (SHA-256 `{given['sha256']}`).")
    parts += ["## Size and cost", _cost_text(results)]
    for key, group in results["groups"].items():
        parts += [f"## {group['title']}", _group_text(results, group)]
        if key in figures:
            parts.append(f"![{group['title']}]({figures[key]})")
    if results["missing"]:
        parts.append(_missing_text(results["missing"]))
    return "\n\n".join(parts) + "\n"


def _missing_text(names: Sequence[str]) -> str:
    """How many rows of which groups; `table.json` has their names."""
    rows = Counter(name.partition("/")[0] for name in names)
    counts = ", ".join(f"{count} of {group}" for group, count in rows.items())
    return f"Rows not made yet: {counts}."


def _cost_text(results: Results) -> str:
    lines = [
        [
            *("", "parameters M", "trained M", "GMACs a step", "guided"),
            *("ms a step", "guided", "training: steps", "GMACs a clip", "minutes"),
        ]
    ]
    columns = (
        *(("parameters", 1e6, 2), ("trainable", 1e6, 2)),
        *(("unconditional_gmacs", 1, 2), ("guided_gmacs", 1, 2)),
        *(("step_ms", 1, 1), ("guided_step_ms", 1, 1)),
        *(("steps", 1, 0), ("training_gmacs", 1, 2), ("training_seconds", 60, 0)),
    )
    for model in results["models"].values():
        line = [model["title"]]
        known = model["costs"] | {"steps": model.get("steps")}
        for name, unit, digits in columns:
            value = known.get(name)
            line.append(DASH if value is None else f"{value / unit:.{digits}f}")
        lines.append(line)
    return markdown_table(lines)


def _group_text(results: Results, group: Mapping[str, Any]) -> str:
    keys = [key for key in SHOWN if key in group["metrics"]]
    settings = ", ".join(f"{name} {value}" for name, value in group["settings"].items())
    each = "in all" if group["unconditional"] else "of each word"
    parts = [
        f"{group['count']} clips {each}; {settings}. Brackets hold 95 % intervals of the sampling, "
        "not of the training; rows of other seeds show that."
    ]
    parts.append(_figures_text(results, group, keys))
    if group["differences"]:
        parts.append("Differences, on clips that begin with the same noise:")
        parts.append(_differences_text(group, keys))
    elif group["against"] is not None and len(group["rows"]) > 1 and not group.get("outdated"):
        parts.append("Not compared in pairs yet.")
    if group.get("outdated"):
        parts.append(f"To be compared again: {', '.join(group['outdated'])}.")
    if any(row["unseen"] for row in group["rows"]):
        parts.append("Words that the model never saw, heard as asked for:")
        parts.append(_unseen_text(results, group))
    return "\n\n".join(parts)


def _figures_text(results: Results, group: Mapping[str, Any], keys: Sequence[str]) -> str:
    metrics = group["metrics"]
    heads = [f"{key.split('/')[0]}: {metrics[key]['text']}" for key in keys]
    arrows = [ARROWS[metrics[key]["better"]] for key in keys]
    lines = [["", *(head + arrow for head, arrow in zip(heads, arrows, strict=True))]]
    for row in group["rows"]:
        found = [cell(row["figures"].get(key), metrics[key]["digits"]) for key in keys]
        lines.append([row_title(results, row), *found])
    for name, figures in group["references"].items():
        found = [cell(figures.get(key), metrics[key]["digits"]) for key in keys]
        if any(figures.get(key) for key in keys):
            lines.append([REFERENCES[name], *found])
    return markdown_table(lines)


def _differences_text(group: Mapping[str, Any], keys: Sequence[str]) -> str:
    metrics = group["metrics"]
    lines = [["", *(f"{key.split('/')[0]}: {metrics[key]['text']}" for key in keys)]]
    for pair, found in group["differences"].items():
        lines.append([pair, *(cell(found.get(k), metrics[k]["digits"], "+") for k in keys)])
    return markdown_table(lines)


def _unseen_text(results: Results, group: Mapping[str, Any]) -> str:
    lines = [["", "heard", "clips"]]
    for row in group["rows"]:
        if unseen := row["unseen"]:
            share = f"{100 * unseen['share']:.1f} %"
            lines.append([row_title(results, row), share, str(unseen["clips"])])
    return markdown_table(lines)


def row_title(results: Results, row: Mapping[str, Any]) -> str:
    """Model, what varies, and the seed of the training if it is not the first."""
    title: str = results["models"][row["model"]]["title"]
    varied = "".join(f", {name} {value}" for name, value in row["variant"].items())
    return title + varied + (f", seed {row['seed']}" if row["seed"] else "")


def sweep_figure(results: Results, key: str) -> Figure:
    """What is drawn against the setting that varies: a column of panels for each regime."""
    group = results["groups"][key]
    metrics = _drawn(group)
    models = {row["model"]: results["models"][row["model"]] for row in group["rows"]}
    regimes = list(dict.fromkeys(model["regime"] for model in models.values()))
    families = list(dict.fromkeys(model["family"] for model in models.values()))
    size = (3.4 * len(regimes) + 0.6, 2.6 * len(metrics) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(metrics), len(regimes), squeeze=False, sharex=True, sharey="row")
    for line, metric in enumerate(metrics):
        for column, regime in enumerate(regimes):
            panel = panels[line][column]
            for model, about in models.items():
                if about["regime"] == regime:
                    place = families.index(about["family"]) % len(_COLOURS)
                    _draw(panel, group, model, metric, about["family"], _COLOURS[place])
            if line == 0:
                panel.set_title(regime or "all data", fontsize=9)
            if column == 0:
                text, better = (group["metrics"][metric][name] for name in ("text", "better"))
                panel.set_ylabel(f"{text}{ARROWS[better]}", fontsize=8)
            if line == len(metrics) - 1:
                panel.set_xlabel(next(iter(group["vary"])), fontsize=9)
    lines = [line for panel in panels.flat for line in panel.get_lines()]
    known = {str(line.get_label()): line for line in lines}  # each family once
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _draw(
    panel: Any, group: Mapping[str, Any], model: str, metric: str, family: str, colour: str
) -> None:
    """The line of one model, with its intervals."""
    (name,) = group["vary"]
    rows = [row for row in group["rows"] if row["model"] == model and not row["seed"]]
    points = [(float(row["variant"][name]), row["figures"].get(metric)) for row in rows]
    known = sorted((x, found) for x, found in points if found and found["value"] is not None)
    if not known:
        return
    xs = [x for x, _ in known]
    panel.plot(xs, [found["value"] for _, found in known], "o-", color=colour, label=family)
    bounded = [(x, found) for x, found in known if found["low"] is not None]
    panel.fill_between(
        [x for x, _ in bounded],
        [found["low"] for _, found in bounded],
        [found["high"] for _, found in bounded],
        color=colour,
        alpha=0.15,
    )


def _drawn(group: Mapping[str, Any]) -> list[str]:
    """The metrics of its figure."""
    for chosen in (DRAWN, SHOWN):
        if found := [metric for metric in chosen if metric in group["metrics"]]:
            return found[:2]
    return []


def _numbers(group: Mapping[str, Any]) -> bool:
    """Whether a number varies in a group, with two values of it at least."""
    for values in group["vary"].values():
        try:
            return len({float(value) for value in values}) > 1
        except ValueError:
            return False
    return False
