"""The shipped table of the paper, shrunk, on a tiny copy of the official layout of its corpus."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from scoresubnet.cli import main
from scoresubnet.data.words import DIGITS
from scoresubnet.experiments.table import TABLES
from scoresubnet.experiments.table_page import read_results
from tests.experiments.conftest import TINY_CLASSIFIER, TINY_SUBNET, TINY_UNET

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Nine clips of each digit, a tone each, another word, and background noise."""
    root = tmp_path / "data/speech_commands"
    lists: dict[str, list[str]] = {"validation": [], "testing": [], "training": []}
    for pitch, word in enumerate([*DIGITS, "bed"], 3):
        (root / word).mkdir(parents=True)
        for k in range(9):
            name = f"{word}/{k:08x}_nohash_0.wav"
            noise = np.random.default_rng(100 * pitch + k).standard_normal(16_000)
            tone = 0.3 * np.sin(2 * np.pi * 100 * pitch * np.arange(16_000) / 16_000)
            soundfile.write(root / name, tone + 0.01 * noise, 16_000)
            lists["validation" if k == 0 else "testing" if k < 4 else "training"].append(name)
    for split in ("validation", "testing"):
        (root / f"{split}_list.txt").write_text("\n".join(lists[split]) + "\n")
    (root / "_background_noise_").mkdir()
    soundfile.write(root / "_background_noise_/pink.wav", np.zeros(16_000 * 60), 16_000)
    return tmp_path / "data"


def _shrunk() -> dict[str, Any]:
    """The shipped file with tiny networks, one seed, few steps and few clips."""
    table: dict[str, Any] = yaml.safe_load(TABLES["sc09-paper"].read_text(encoding="utf-8"))
    shared: dict[str, Any] = {"data": {"batch_size": 4}, "run": {"steps": 2, "validate_every": 2}}
    shared |= {"compile": False, "precision": "32-true"}
    table["classifier"] = shared | {"network": TINY_CLASSIFIER}
    table["shared"] = shared
    for model in table["models"].values():
        model["seeds"] = 1
        own = {"subnet": TINY_SUBNET} if model["train"] == "score" else {"unet": TINY_UNET}
        model["settings"] = {
            key: {**model.get("settings", {}).get(key, {}), **own.get(key, {})}
            for key in {*model.get("settings", {}), *own}
        }
    for group in table["groups"].values():
        group["count"] = 10 if group.get("unconditional") else 1
        group["settings"]["steps"] = 2
        group["sections"] = ["speech_embedding"]
    table["groups"]["gamma"]["vary"]["guidance"] = [3]
    return table


def test_the_papers_table_is_made_of_its_corpus(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "sc09.yaml"
    path.write_text(yaml.safe_dump(_shrunk(), sort_keys=False))
    runs = tmp_path / "runs"
    assert main(["experiment", "run", str(path), "--data", str(data), "--out", str(runs)]) == 0
    pages = tmp_path / "pages"
    report = ["experiment", "report", str(path), "--run", str(runs), "--out", str(pages)]
    assert main(report) == 0
    results = read_results(pages / "table.json")
    assert results["missing"] == []
    rows = {key: [row["name"] for row in g["rows"]] for key, g in results["groups"].items()}
    main_rows = {f"{model}_seed0" for model in ("subnet", "unet", "no-gradient")}
    assert set(rows["unconditional"]) == set(rows["guided"]) == main_rows
    assert len(rows["gamma"]) == 8
    clips = (runs / "classifier/clips.jsonl").read_text().splitlines()
    assert len(clips) == 6 * len(DIGITS)  # without those of the testing list, and without "bed"
    config = yaml.safe_load((runs / "classifier/config.yaml").read_text())
    assert config["labels"] == list(DIGITS)
