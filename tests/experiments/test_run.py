"""A table from start to end, on tiny recordings; killed, changed, and written up."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.cli import main
from scoresubnet.evaluation.run import Evaluation
from scoresubnet.experiments import clock
from scoresubnet.experiments import run as module
from scoresubnet.experiments.clock import Clock, OutOfTime
from scoresubnet.experiments.results import collect
from scoresubnet.experiments.run import Experiment
from scoresubnet.experiments.table import read_table
from scoresubnet.experiments.table_page import page, read_results
from scoresubnet.jobs.parts import Part
from scoresubnet.training.classifier import train_classifier
from scoresubnet.training.config import ClassifierTraining
from scoresubnet.training.process import locked
from scoresubnet.weight_files.tensor_files import state_hash
from scoresubnet.weights import load_model

pytestmark = pytest.mark.filterwarnings("ignore")
Write = Callable[..., Path]
Content = Callable[..., dict[str, Any]]


def test_a_table_is_made_and_written_up(
    content: Content,
    write: Write,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And made again, nothing is done twice; from table.json come the same pages."""
    table, runs, pages = str(write()), str(tmp_path / "runs"), tmp_path / "pages"
    command = ["experiment", "run", table, "--data", str(data), "--out", runs]
    assert main(command) == 0
    capsys.readouterr()
    assert main(["experiment", "report", table, "--run", runs, "--out", str(pages)]) == 0
    printed = capsys.readouterr().out.split()
    assert [Path(p).name for p in printed] == ["table.json", "table.md", "gamma.png"]

    results = read_results(pages / "table.json")
    assert results["missing"] == []
    groups = results["groups"]
    names = {key: [row["name"] for row in group["rows"]] for key, group in groups.items()}
    assert names == {
        "free": ["subnet_seed0", "subnet_seed1"],
        "asked": ["subnet_seed0", "unet_seed0", "subnet_seed1"],
        "gamma": [f"{model}_seed0_guidance-{g}" for model in ("subnet", "unet") for g in (0, 2)],
    }
    clips = {key: {row["clips"] for row in group["rows"]} for key, group in groups.items()}
    assert clips == {"free": {3}, "asked": {4}, "gamma": {4}}
    for key, pair in (
        ("asked", "unet_seed0 - subnet_seed0"),
        ("free", "subnet_seed1 - subnet_seed0"),
    ):
        rows = {row["name"]: row["figures"] for row in groups[key]["rows"]}
        for metric, difference in groups[key]["differences"][pair].items():
            other, first = (rows[name][metric]["value"] for name in pair.split(" - "))
            assert difference["value"] == pytest.approx(other - first, abs=1e-6), metric
    costs = {key: model["costs"] for key, model in results["models"].items()}
    assert costs["subnet"]["trainable"] < costs["subnet"]["parameters"]
    # A step forth is part of training; the weights of the frozen classifier get no gradient.
    assert costs["unet"]["training_gmacs"] > 2.5 * costs["unet"]["unconditional_gmacs"]
    assert all(cost["step_ms"] > 0 and cost["guided_step_ms"] > 0 for cost in costs.values())

    again = tmp_path / "again"
    assert main(["experiment", "report", str(pages / "table.json"), "--out", str(again)]) == 0
    assert (again / "table.md").read_text() == (pages / "table.md").read_text()
    with monkeypatch.context() as patch:
        for name in ("train_classifier", "train_score", "train_unet"):
            patch.setattr(module, name, lambda *a, **k: pytest.fail("made twice"))
        patch.setattr(Evaluation, "run", lambda *a, **k: pytest.fail("made twice"))
        assert main(command) == 0
    _differences_are_of_the_rows_that_are_there(Path(runs), table, again)
    _changes_are_seen(content, write, command, monkeypatch, capsys)


def _differences_are_of_the_rows_that_are_there(runs: Path, table: str, out: Path) -> None:
    """Not of a row that has been made again since they were compared."""
    pairs = ["subnet_seed1 - subnet_seed0", "unet_seed0 - subnet_seed0"]
    for name, outdated in (("unet_seed0", pairs[1:]), ("subnet_seed0", pairs)):
        path = runs / f"cells/asked/{name}/report.json"
        before = path.read_text()
        path.write_text(before + "\n")
        assert main(["experiment", "report", table, "--run", str(runs), "--out", str(out)]) == 0
        path.write_text(before)
        group = read_results(out / "table.json")["groups"]["asked"]
        assert group["outdated"] == outdated
        assert list(group["differences"]) == [pair for pair in pairs if pair not in outdated]
        assert f"To be compared again: {', '.join(outdated)}." in (out / "table.md").read_text()


def _changes_are_seen(
    content: Content,
    write: Write,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a report's settings and of a training's."""
    groups = content()["groups"]
    groups["asked"]["sections"] = ["distillmos"]
    write(groups=groups)
    made: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "run", lambda self: made.append(self.out.name))
        assert main(command) == 0
    assert made == ["subnet_seed0", "unet_seed0", "subnet_seed1", "asked"]
    models = content()["models"]
    models["unet"]["settings"]["parametrisation"] = "epsilon"
    write(models=models)
    assert main(command) == 1
    assert "unet_seed0: was trained with another parametrisation" in capsys.readouterr().err


def test_where_a_setting_varies_rows_are_compared_with_the_first(
    content: Content, write: Write, data: Path, tmp_path: Path
) -> None:
    asked = content()["groups"]["asked"]
    groups = {"asked": {**asked, "vary": {"steps": ["2", "1", "3"]}}}
    subnet = {**content()["models"]["subnet"], "groups": ["asked"], "seeds": 1}
    table = read_table(str(write(groups=groups, models={"subnet": subnet})))
    experiment = Experiment(table, data, tmp_path / "runs")
    experiment.run()
    group = collect(experiment)["groups"]["asked"]
    first, one, three = (f"subnet_seed0_steps-{steps}" for steps in (2, 1, 3))
    assert [row["name"] for row in group["rows"]] == [first, one, three]
    assert list(group["differences"]) == [f"{one} - {first}", f"{three} - {first}"]


def test_a_killed_run_goes_on_where_it_stopped(
    write: Write, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a training, and in a measurement."""
    experiment = Experiment(read_table(str(write())), data, tmp_path / "runs")

    def stopped(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    for owner, name in ((module, "train_score"), (Evaluation, "run")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, stopped)
            with pytest.raises(KeyboardInterrupt):
                experiment.run()
        classifier = (experiment.classifier / "model.safetensors").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(module, "train_classifier", lambda *a: pytest.fail("made twice"))
        experiment.run(groups=["free"])
    assert (experiment.classifier / "model.safetensors").stat().st_mtime_ns == classifier
    reports = sorted(p.parent.name for p in experiment.out.glob("cells/*/*/report.json"))
    assert reports == ["subnet_seed0", "subnet_seed1"]
    assert collect(experiment)["missing"][0] == "asked/subnet_seed0"


def test_two_processes_share_the_work(
    write: Write, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another is at is left for later; what is made of it waits."""
    experiment = Experiment(read_table(str(write())), data, tmp_path / "runs")
    folders = [
        experiment.out / part
        for part in ("models/subnet_seed0", "cells/asked/subnet_seed1", "compared/free")
    ]
    others = ExitStack()
    for folder in folders:
        folder.mkdir(parents=True)
        others.enter_context(locked(folder))
    waited: list[list[str]] = []

    def wait(self: Clock, seconds: float) -> None:
        found = experiment.out.glob("*/*/**/report.json")
        waited.append(sorted(str(p.parent.relative_to(experiment.out)) for p in found))
        others.close()

    monkeypatch.setattr(Clock, "wait", wait)
    experiment.run(groups=["free", "asked"])
    assert waited == [["cells/asked/unet_seed0", "cells/free/subnet_seed1"]]
    results = collect(experiment)
    assert results["missing"] == [
        f"gamma/{model}_seed0_guidance-{g}" for model in ("subnet", "unet") for g in (0, 2)
    ]
    assert page(results, {}).endswith("\n\nRows not made yet: 4 of gamma.\n")
    assert len(list(experiment.out.glob("compared/*/report.json"))) == 2


def test_parts_make_their_models_and_the_last_call_compares(
    write: Write,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second part waits for the classifier, which is the first one's."""
    command = ["experiment", "run", str(write()), "--data", str(data), "--groups", "asked"]
    runs = tmp_path / "runs"

    def made(kind: str) -> set[str]:
        return {path.parent.name for path in (runs / kind).glob("**/report.json")}

    def over(self: Clock, seconds: float) -> None:
        raise OutOfTime("the minutes are over")

    with monkeypatch.context() as patch:
        patch.setattr(Clock, "wait", over)
        assert main([*command, "--out", str(runs), "--part", "2/2"]) == 0
    printed = capsys.readouterr()
    assert "waiting for part 1/2, which trains the classifier" in printed.err
    assert "the same command goes on from there" in printed.out
    assert not made("cells")
    rows: list[set[str]] = []
    for k in (1, 2):
        before = made("cells")
        assert main([*command, "--out", str(runs), "--part", f"{k}/2"]) == 0
        assert (
            f"part {k}/2 of asked made; when all parts are, run it once" in capsys.readouterr().out
        )
        rows.append(made("cells") - before)
    assert sorted(map(len, rows)) == [1, 2]
    assert set.union(*rows) == {"subnet_seed0", "subnet_seed1", "unet_seed0"}
    assert not (runs / "compared").exists()
    experiment = Experiment(read_table(command[2]), data, runs)
    assert "Not compared in pairs yet." in page(collect(experiment), {})
    with monkeypatch.context() as patch:
        for name in ("train_classifier", "train_score", "train_unet"):
            patch.setattr(module, name, lambda *a, **k: pytest.fail("made twice"))
        assert main([*command, "--out", str(runs)]) == 0
    assert made("compared") == {"asked"}
    assert "Not compared in pairs yet." not in page(collect(experiment), {})
    assert (runs / "speed.json").is_file()

    alone = tmp_path / "alone"
    assert main([*command, "--out", str(alone)]) == 0
    sounds = [
        {path.relative_to(folder): path.read_bytes() for path in folder.glob("cells/**/*.wav")}
        for folder in (runs, alone)
    ]
    assert len(sounds[0]) == 12
    assert sounds[0] == sounds[1]


def test_a_part_waits_an_hour_for_the_first(
    write: Write, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the last sign of life on."""
    experiment = Experiment(read_table(str(write())), data, tmp_path / "runs")
    experiment.classifier.mkdir(parents=True)
    now = begun = 1e9

    def wait(self: Clock, seconds: float) -> None:
        nonlocal now
        now += 500
        if now - begun == 1000:
            (experiment.classifier / "log.jsonl").touch()
            os.utime(experiment.classifier / "log.jsonl", (now, now))

    monkeypatch.setattr(time, "time", lambda: now)
    monkeypatch.setattr(Clock, "wait", wait)
    with pytest.raises(ValueError, match="for an hour; run part 1/2, which trains"):
        experiment.run(part=Part(2, 2))
    assert now - begun == 5000


def test_while_another_process_works_the_minutes_run(
    write: Write, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = Experiment(read_table(str(write())), data, tmp_path / "runs")
    experiment.classifier.mkdir(parents=True)
    monkeypatch.setattr(module, "WAIT", 0.01)
    with locked(experiment.classifier), pytest.raises(OutOfTime, match="minutes are over"):
        experiment.run(minutes=clock.LEAST_MINUTES + 0.01)
    assert not list(experiment.classifier.iterdir())


def test_packed_log_mels_train_the_same_and_are_measured_elsewhere(
    write: Write,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table, packed, runs = str(write()), tmp_path / "packed", tmp_path / "runs"
    monkeypatch.chdir(tmp_path)
    pack = ["experiment", "pack", table, "--data", str(data), "--out", str(packed)]
    assert main(pack) == 0
    folders = [Path(line) for line in capsys.readouterr().out.split()]
    assert [f / "pack.json" for f in folders] == list(packed.rglob("pack.json"))
    assert main(pack) == 1
    assert "is there already; delete it, or choose another --out" in capsys.readouterr().err

    run = ["experiment", "run", table, "--out", str(runs), "--groups", "free", "--data"]
    assert main([*run, str(packed)]) == 0
    printed = capsys.readouterr()
    assert "free trained; run it again where the recordings are" in printed.out
    assert "2 models are to be trained, and 2 rows to be measured (6 clips)" in printed.err
    assert not {"cells", "compared"} & {path.name for path in runs.iterdir()}
    config = read_table(table).classifier_config(data, tmp_path / "features")
    assert isinstance(config, ClassifierTraining)
    train_classifier(config, tmp_path / "here")
    trained = [load_model(folder) for folder in (runs / "classifier", tmp_path / "here")]
    packed_hash, hash_here = (state_hash(m.backbone().state_dict()) for m in trained)
    assert packed_hash == hash_here
    with monkeypatch.context() as patch:
        for name in ("train_classifier", "train_score"):
            patch.setattr(module, name, lambda *a, **k: pytest.fail("made twice"))
        assert main([*run, str(data)]) == 0
    assert "0 models are to be trained, and 2 rows to be measured" in capsys.readouterr().err
    assert len(list(runs.glob("cells/free/*/report.json"))) == 2
