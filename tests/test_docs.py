"""The pages: their Python runs, their commands parse, their links and figures are right."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from jsonargparse import ArgumentParser

from scoresubnet import cli
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.adaptation.takes import TakesRecipe
from scoresubnet.audio.io import write_wav
from scoresubnet.commands.parsers import LEAVES
from scoresubnet.data.sources import SOURCES
from scoresubnet.evaluation.cache import settings_key
from scoresubnet.evaluation.sections import SECTIONS
from scoresubnet.experiments.card import BEGIN, END
from scoresubnet.experiments.own_words.page import page_of
from scoresubnet.experiments.results_page import filled
from scoresubnet.experiments.table import read_table
from scoresubnet.experiments.table_page import read_results, write_page
from scoresubnet.files import file_hash
from scoresubnet.model_about import DEFAULT_WEIGHTS, find_weights
from scoresubnet.networks.fusion import FUSIONS
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.samplers import EVALUATIONS, SAMPLERS
from scoresubnet.training.config_files import SHIPPED
from tests.pages import CARDS, LINKED, PAGES, ROOT, commands, examples, names, text_of


@pytest.mark.parametrize("page", LINKED, ids=names)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|<!-- site:.*?-->", "", text_of(page), flags=re.S)
    for target, anchor in re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", text):
        if target.startswith("https://"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), flags=re.M)
            slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor[1:] in slugs, anchor


@pytest.mark.parametrize("page", [*PAGES, *CARDS.values()], ids=names)
def test_commands_parse(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = commands(page)
    assert found or page.name not in ("README.md", "using.md", "evaluation.md")
    for arguments in found:
        if arguments[0].startswith("--"):
            assert arguments[0] in cli._overview().format_help()
            continue
        words = 2 if arguments[0] in ("train", "experiment") else 1
        name, rest = " ".join(arguments[:words]), arguments[words:]
        if "--help" in rest:
            continue
        parser = LEAVES[name](ArgumentParser(exit_on_error=False))
        parser.parse_args(rest)


@pytest.mark.parametrize("page", [*PAGES, *CARDS.values()], ids=names)
def test_modules_and_targets_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:scoresubnet|benchmarks|recipes)[\w.]*)", text):
        place = module.replace(".", "/")
        places = [ROOT / "src" / place, ROOT / place]
        files = [f for p in places for f in (p.with_suffix(".py"), p / "__main__.py")]
        assert any(f.is_file() for f in files), module
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make ([a-z-]+)", text, flags=re.M):
        rule = rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:"  # of one target or several
        assert re.search(rule, makefile, flags=re.M), target
    for config in re.findall(r"--config (\S+?)[`\s]", text):
        assert config in SHIPPED or (ROOT / config).is_file(), config


def test_the_table_of_experiments_can_be_made(tmp_path: Path) -> None:
    (example,) = examples("experiments.md", "yaml")
    (tmp_path / "table.yaml").write_text(example)
    table = read_table(str(tmp_path / "table.yaml"))
    configs = [table.config(model, 0, tmp_path, tmp_path) for model in table.models]
    assert [config.data.share for config in configs] == [1, 1, 0.1]
    assert len(list(table.cells())) == 3 + 4 * 4


def sounds(folder: Path, level: float, **counts: int) -> None:
    """Noise of a level, so many files by name."""
    folder.mkdir(parents=True)
    for name, count in counts.items():
        for k in range(count):
            noise = np.random.default_rng(k).standard_normal(16_000)
            path = folder / f"{name.format(k)}-{k}.wav"
            soundfile.write(path, level * noise, 16_000)


def corpus(root: Path) -> None:
    sounds(root / "my-corpus", 0.1, **{"s{}-ja": 3, "s{}-nein": 2})


def folders(root: Path) -> None:
    sounds(root / "quiet", 0.02, ja=4)
    sounds(root / "loud", 0.2, ja=4)
    sounds(root / "real", 0.1, ja=6)


PREPARED: tuple[tuple[Callable[[Path], None] | None, str], ...] = (
    (None, "standard deviation 1.00"),
    (None, "4 gated taps"),
    (corpus, "3 {'testing'}"),
    (folders, "20 dB"),
)


@pytest.mark.parametrize("number", range(len(PREPARED)))
def test_examples_of_extending_run(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = examples("extending.md")
    assert len(found) == len(PREPARED)
    registries: list[dict[str, Any]] = [SAMPLERS, EVALUATIONS, FUSIONS, SOURCES, SECTIONS]
    for registry in registries:  # entries of the example go again
        for name, entry in list(registry.items()):
            monkeypatch.setitem(registry, name, entry)
    before = [dict(registry) for registry in registries]
    prepare, printed = PREPARED[number]
    if prepare:
        prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    try:
        exec(compile(found[number], "extending.md", "exec"), {})
    finally:
        for registry, entries in zip(registries, before, strict=True):
            registry.clear()
            registry.update(entries)
    assert printed in capsys.readouterr().out


def test_the_example_of_using_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = examples("using.md")
    exec(compile(example, "using.md", "exec"), {})
    assert "(2, 1, 80, 64)" in capsys.readouterr().out


def test_the_example_of_expand_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On words that the generator has spoken."""
    speech = SpeechGenerator.from_pretrained().generate(["seven", "nine"] * 4, range(100, 108))
    for word, seed, audio in zip(speech.labels, speech.seeds, speech.audio, strict=True):
        write_wav(tmp_path / f"my-words/{word}/{seed}.wav", audio)
    monkeypatch.chdir(tmp_path)
    (example,) = examples("expand.md")
    exec(compile(example, "expand.md", "exec"), {})
    assert "{'nine': 4, 'seven': 4}" in capsys.readouterr().out


@pytest.mark.usefixtures("few_copies")
def test_the_example_of_adapt_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On words that the generator has spoken, with a few steps and copies, and no graphs."""
    speech = SpeechGenerator.from_pretrained().generate(["seven", "nine"] * 5, range(10), steps=4)
    for word, seed, audio in zip(speech.labels, speech.seeds, speech.audio, strict=True):
        write_wav(tmp_path / f"my-words/{word}/{seed}.wav", audio)
    monkeypatch.chdir(tmp_path)
    takes = TakesRecipe(count=1)
    few = partial(
        ScoreRecipe, most_steps=2, least_steps=1, again_steps=1, batch_size=4, takes=takes
    )
    monkeypatch.setattr("scoresubnet.adaptation.run.ScoreRecipe", few)
    monkeypatch.setattr("scoresubnet.adaptation.run.export", lambda path: [path])
    (example,) = examples("adapt.md")
    exec(compile(example, "adapt.md", "exec"), {})
    assert "('nine', 'seven') {'nine': 5, 'seven': 5}" in capsys.readouterr().out


def test_the_scripts_of_large_jobs_are_of_bash_and_of_the_commands() -> None:
    """Each command once for GNU parallel, for SLURM and for Kubernetes."""
    lines: list[str] = []
    for script in examples("large-jobs.md", "sh"):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        lines += re.findall(r'^(?:job="|run )scoresubnet (.*?)"?$', script, flags=re.M)
    job, others = map(yaml.safe_load, examples("large-jobs.md", "yaml"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    lines += [shlex.join(arguments[1:]) for arguments in (container["args"], *others)]
    names = []
    for line in lines:
        name, *rest = shlex.split(f"{line} --part 3/16")
        if name == "experiment":
            name = f"{name} {rest.pop(0)}"
        LEAVES[name](ArgumentParser(exit_on_error=False)).parse_args(rest)
        names.append(name)
    assert names == ["generate", "expand", "evaluate", "experiment run"] * 3


def test_an_index_of_kubernetes_becomes_a_part() -> None:
    job, _ = map(yaml.safe_load, examples("large-jobs.md", "yaml"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    done = subprocess.run(
        [*container["command"], "echo", "a b"],
        env=os.environ | {"JOB_COMPLETION_INDEX": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a b --part 3/16\n"


def test_the_example_of_the_vocoder_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = examples("vocoder.md")
    exec(compile(example, "vocoder.md", "exec"), {})
    assert "'low_iterations': 256" in capsys.readouterr().out


def test_the_tables_of_results_are_of_their_files(tmp_path: Path) -> None:
    """And these files give their pages again."""
    page = ROOT / "docs/results.md"
    assert filled(page) == text_of(page)
    tables = sorted((ROOT / "docs/results").glob("*/table.json"))
    assert tables
    for table in tables:
        write_page(read_results(table), tmp_path / table.parent.name)
        again = (tmp_path / table.parent.name / "table.md").read_text(encoding="utf-8")
        assert again == text_of(table.parent / "table.md")


def test_the_tables_of_own_words_are_of_their_results() -> None:
    page = text_of(ROOT / "docs/own-words.md")
    results = json.loads(text_of(ROOT / "docs/results/own-words/own-words.json"))
    tables = [part for part in page_of(results).split("\n\n") if part.startswith("|")]
    assert len(tables) == 3 * len({result["language"] for result in results})
    for table in tables:
        assert table.strip() in page


@pytest.mark.parametrize("page", [ROOT / "README.md", *CARDS.values()], ids=names)
def test_figures_are_of_what_ships(page: Path) -> None:
    weights = page.stem if page.stem in CARDS else DEFAULT_WEIGHTS
    text = page.read_text(encoding="utf-8")
    if weights != DEFAULT_WEIGHTS and BEGIN not in text:
        pytest.skip(f"{page.name} has no figures of this version")
    (block,) = re.findall(f"{re.escape(BEGIN)}(.*?){re.escape(END)}", text, flags=re.S)
    found = re.search(
        r"clips of weights (\w{12}), vocoder (\w{16}), scoresubnet (\S+); (.*)\.$",
        block,
        flags=re.M,
    )
    assert found, "no figures; see experiments/card.py"
    generator = SpeechGenerator.from_pretrained(weights)
    assert found[1] == file_hash(find_weights(weights))[:12]
    assert found[2] == settings_key("vocoder", generator.vocoder.settings)
    assert found[4] == str(generator.check(list(generator.labels[:1]), [0]))
