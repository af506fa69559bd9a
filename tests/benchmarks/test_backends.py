"""The benchmark of the backends runs, and its ratios are those of the same round."""

import json
from pathlib import Path

import pytest

from benchmarks import backends
from benchmarks.backends import Task, Worker
from scoresubnet.export.run import export
from scoresubnet.weights import save_model
from tests.tiny import tiny_model


def test_torch_and_onnx_are_timed_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "model.safetensors"
    save_model(tiny_model(["yes", "no"], label_taps=True), weights)
    export(weights)
    options = ["--rounds", "1", "--threads", "[1]", "--batches", "[1, 2]", "--others", "1"]
    assert backends.main(["--out", str(tmp_path), "--weights", str(weights), *options]) == 0
    record = json.loads((tmp_path / "backends.json").read_text())
    tasks = [(row["what"], row["batch"], row["threads"]) for row in record["rows"]]
    assert tasks == [("step", 1, 1), ("step", 2, 1), ("word", 1, 1), ("word", 2, 1)]
    for row in record["rows"]:
        assert row["ratio"]["median"] == pytest.approx(row["ms"]["onnx"] / row["ms"]["torch"])
        assert row["ms"]["torch"] > 0.05
    assert 0.1 < record["starts"]["onnx"] < record["starts"]["torch"]
    assert "| step | 2 | 1 |" in capsys.readouterr().out


def test_all_take_turns_after_one_that_is_not_counted() -> None:
    order: list[str] = []

    def named(name: str) -> Worker:
        def run(task: Task) -> float:
            order.append(name)
            return float(len(order))

        return Worker(run, lambda: 0.0)

    found = backends._in_turns({"torch": named("a"), "onnx": named("b")}, Task("step", 1), 2)
    assert order == ["a", "b"] * 3
    assert found == {"torch": [3.0, 5.0], "onnx": [4.0, 6.0]}
