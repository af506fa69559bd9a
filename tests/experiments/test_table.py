"""A table from start to end, on tiny recordings, and what its file may say."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoresubnet.cli import main
from scoresubnet.evaluation.run import Evaluation
from scoresubnet.experiments import run as module
from scoresubnet.experiments.costs import training_seconds
from scoresubnet.experiments.run import Experiment, OutOfTime
from scoresubnet.experiments.table import TABLES, Table, read_table
from scoresubnet.experiments.table_page import read_results

pytestmark = pytest.mark.filterwarnings("ignore")
TINY = {
    "classifier": {
        "network": {"widths": [8, 16], "blocks": [1, 1], "bottleneck_blocks": 1, "patch": 4},
        "run": {"steps": 2, "validate_every": 2},
    },
    "shared": {
        "data": {"batch_size": 4},
        "run": {"steps": 2, "validate_every": 2},
    },
}
SUBNET = {"widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1]}
UNET = {"widths": [8, 16], "blocks": [1, 1], "up_blocks": [1, 1], "patch": 4}


def content(**changes: Any) -> dict[str, Any]:
    """A table of two models and three groups."""
    steps = {"sampler": "ddim", "steps": "1"}
    groups = {
        "free": {
            "title": "Free",
            "unconditional": True,
            "settings": {**steps, "guidance": "0"},
            "count": 2,
            "sections": ["dnsmos"],
        },
        "asked": {
            "title": "Asked",
            "settings": {**steps, "guidance": "3"},
            "count": 2,
            "sections": ["dnsmos"],
            "against": "subnet",
        },
        "gamma": {
            "title": "Gamma",
            "settings": steps,
            "vary": {"guidance": ["0", "2"]},
            "count": 2,
            "seeds": 1,
            "sections": ["dnsmos"],
        },
    }
    models = {
        "subnet": {
            "family": "Subnet",
            "train": "score",
            "groups": ["free", "asked", "gamma"],
            "settings": {"subnet": SUBNET},
            "seeds": 2,
        },
        "unet": {
            "family": "U-Net",
            "regime": "one word",
            "train": "unet",
            "groups": ["asked", "gamma"],
            "settings": {"unet": UNET, "data": {"words": ["hum"]}},
        },
    }
    values = {
        "title": "Tiny",
        "words": ["hum", "hiss"],
        "sources": [{"kind": "folder", "root": "."}],
        "reference": ".",
        "configs": {"classifier": "small-classifier", "score": "small-score", "unet": "small-unet"},
        "groups": groups,
        "models": models,
        **TINY,
    }
    return values | changes


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(**changes) -> a file with that table."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(content(**changes), sort_keys=False))
        return path

    return write


def test_a_table_is_made_and_written_up(
    write: Callable[..., Path],
    words_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And made again, nothing is done twice; from table.json come the same pages."""
    table, runs, pages = str(write()), str(tmp_path / "runs"), tmp_path / "pages"
    command = ["experiment", "run", table, "--data", str(words_folder), "--out", runs]
    assert main(command) == 0
    capsys.readouterr()
    assert main(["experiment", "report", table, "--run", runs, "--out", str(pages)]) == 0
    printed = capsys.readouterr().out.split()
    assert [Path(p).name for p in printed] == ["table.json", "table.md", "gamma.png"]

    results = read_results(pages / "table.json")
    assert results["missing"] == []
    names = {key: [row["name"] for row in g["rows"]] for key, g in results["groups"].items()}
    assert names == {
        "free": ["subnet_seed0", "subnet_seed1"],
        "asked": ["subnet_seed0", "unet_seed0", "subnet_seed1"],
        "gamma": [f"{model}_seed0_guidance-{g}" for model in ("subnet", "unet") for g in (0, 2)],
    }
    assert all(row["clips"] == 4 for g in results["groups"].values() for row in g["rows"])
    differences = results["groups"]["asked"]["differences"]
    assert list(differences) == ["subnet_seed1 - subnet_seed0", "unet_seed0 - subnet_seed0"]
    difference = differences["unet_seed0 - subnet_seed0"]["dnsmos/dnsmos_ovrl"]
    values = {
        row["name"]: row["figures"]["dnsmos/dnsmos_ovrl"]["value"]
        for row in results["groups"]["asked"]["rows"]
    }
    expected = values["unet_seed0"] - values["subnet_seed0"]
    assert difference["value"] == pytest.approx(expected, abs=1e-6)
    costs = {key: model["costs"] for key, model in results["models"].items()}
    assert costs["subnet"]["trainable"] < costs["subnet"]["parameters"]
    assert costs["unet"]["guided_gmacs"] > costs["unet"]["unconditional_gmacs"]
    # A step forth is part of training; weights of the frozen classifier get no gradient.
    assert costs["unet"]["training_gmacs"] > 2.5 * costs["unet"]["unconditional_gmacs"]

    again = tmp_path / "again"
    assert main(["experiment", "report", str(pages / "table.json"), "--out", str(again)]) == 0
    assert (again / "table.md").read_text() == (pages / "table.md").read_text()
    for name in ("train_classifier", "train_score", "train_unet", "Evaluation"):
        monkeypatch.setattr(module, name, lambda *a, **k: pytest.fail("made twice"))
    assert main(command) == 0


def test_a_killed_run_goes_on_where_it_stopped(
    write: Callable[..., Path], words_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a training, and in a measurement."""
    experiment = Experiment(read_table(str(write())), words_folder, tmp_path / "runs")

    def stopped(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "train_score", stopped)
        with pytest.raises(KeyboardInterrupt):
            experiment.run()
    assert module.is_trained(experiment.classifier)
    trained = (experiment.classifier / "model.safetensors").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "run", stopped)
        with pytest.raises(KeyboardInterrupt):
            experiment.run()
    experiment.run(groups=["free"])
    assert (experiment.classifier / "model.safetensors").stat().st_mtime_ns == trained
    reports = sorted(p.parent.name for p in experiment.out.glob("cells/*/*/report.json"))
    assert reports == ["subnet_seed0", "subnet_seed1"]


def test_when_the_minutes_are_over_it_stops(
    write: Callable[..., Path], words_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a training, which is kept, and within a measurement."""
    changed = content()["shared"] | {"run": {"steps": 100_000}}
    experiment = Experiment(read_table(str(write(shared=changed))), words_folder, tmp_path / "runs")
    monkeypatch.setattr(module, "LEAST_MINUTES", 0.0)
    with pytest.raises(OutOfTime, match=r"stopped at step [1-9]"):
        experiment.run(minutes=0.2)
    assert not list(experiment.out.glob("cells/*/*/report.json"))

    with pytest.raises(OutOfTime, match="minutes are over"), module._Clock(1 / 600).alarm():
        time.sleep(60)


def test_models_may_not_differ_in_what_they_share(write: Callable[..., Path]) -> None:
    models = content()["models"]
    for settings, name in (
        ({"run": {"steps": "9"}}, "run"),
        ({"data": {"batch_size": "9", "share": "0.5"}}, "data.batch_size"),
    ):
        models["unet"]["settings"] = settings
        with pytest.raises(ValueError, match=rf"model unet sets {name}, which all models"):
            read_table(str(write(models=models)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": {"a": {"family": "A", "train": "gan", "groups": []}}}, "gan"),
        ({"models": {"a": {"family": "A", "train": "score", "groups": ["x"]}}}, "unknown group"),
        ({"groups": {"g": {"title": "G", "against": "x"}}, "models": {}}, "unknown model"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_malformed_table_is_named(
    changes: dict[str, Any], message: str, write: Callable[..., Path]
) -> None:
    path = write(**changes)
    with pytest.raises(ValueError, match=message) as error:
        read_table(str(path))
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", TABLES)
def test_shipped_tables_can_be_made(name: str, tmp_path: Path) -> None:
    """Their configs parse, and their rows of one group differ in what they say they do."""
    table: Table = read_table(name)
    shared = ("optimiser", "augment", "precision", "compile", "skip_silence")
    configs = {key: table.config(key, 0, tmp_path, tmp_path / "c") for key in table.models}
    for config in configs.values():
        first = next(iter(configs.values()))
        assert all(getattr(config, part) == getattr(first, part) for part in shared)
        assert (config.run, config.data.batch_size) == (first.run, first.data.batch_size)
    assert len({str(config) for config in configs.values()}) == len(configs)
    names = [(cell.group, cell.name) for cell in table.cells()]
    assert len(set(names)) == len(names)
    for cell in table.cells():
        table.spec(cell, Path("weights"), Path("classifier"))


def test_time_that_a_run_was_stopped_is_no_training(tmp_path: Path) -> None:
    times = [0.0, 10.0, 20.0, 5000.0, 5011.0, 5005.0]  # and a clock that was set back
    lines = "".join(json.dumps({"step": k, "time": t}) + "\n" for k, t in enumerate(times))
    (tmp_path / "log.jsonl").write_text(lines)
    assert training_seconds(tmp_path / "log.jsonl") == 31.0
