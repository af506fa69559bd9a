"""What the file of a table may say, and what follows from it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoresubnet.evaluation.run import MOST_COUNT
from scoresubnet.experiments.table import TABLES, Table, read_table
from scoresubnet.experiments.table_parts import Cell

Write = Callable[..., Path]
Content = Callable[..., dict[str, Any]]


def test_models_may_not_differ_in_what_they_share(content: Content, write: Write) -> None:
    models = content()["models"]
    for settings, name in (
        ({"run": {"steps": "9"}}, "run"),
        ({"data": {"batch_size": "9", "share": "0.5"}}, "data.batch_size"),
    ):
        models["unet"]["settings"] = settings
        with pytest.raises(ValueError, match=rf"model unet sets {name}, which all models"):
            read_table(str(write(models=models)))


def test_a_control_may_be_trained_longer(content: Content, write: Write, tmp_path: Path) -> None:
    models = content()["models"]
    models["long"] = {**models["unet"], "family": "U-Net, longer", "steps": "9"}
    table = read_table(str(write(models=models)))
    usual, long = (table.config(key, 1, tmp_path, tmp_path) for key in ("unet", "long"))
    assert usual.run.steps != 9
    assert long == dataclasses.replace(usual, run=dataclasses.replace(usual.run, steps=9))


SUBNET = {"family": "S", "train": "score", "groups": ["g"]}
UNET = {"family": "U", "train": "unet", "groups": ["g"], "guide": "itself"}


@pytest.mark.parametrize(
    ("groups", "models", "message"),
    [
        ({"g": {"title": "G"}}, {"a": {**SUBNET, "train": "gan"}}, "gan"),
        ({"g": {"title": "G"}}, {"a": {**SUBNET, "groups": ["g", "x"]}}, "unknown group 'x'"),
        ({"g": {"title": "G"}, "h": {"title": "H"}}, {"a": SUBNET}, "group h has no models"),
        ({"g": {"title": "G", "against": "b"}}, {"a": SUBNET}, "unknown model of the group g"),
        ({"g": {"title": "G", "count": "0"}}, {"a": SUBNET}, "count 0"),
        ({"g": {"title": "G", "sections": ["hearing"]}}, {"a": SUBNET}, "unknown section"),
        ({"g": {"title": "G", "settings": {"guidence": "3"}}}, {"a": SUBNET}, "guidence"),
        (
            {"g": {"title": "G"}},
            {"a": {**SUBNET, "settings": {"subnet": {"fussion": "addition"}}}},
            "model a: .*fussion",
        ),
        ({"g": {"title": "G"}}, {"a": {**SUBNET, "seeds": "0"}}, "seeds must lie in 1"),
        (
            {"g": {"title": "G"}},
            {"a": {**SUBNET, "steps": "-1"}},
            "steps must be 0 or more",
        ),
        ({"g": {"title": "G"}}, {"a": {**SUBNET, "guide": "itself"}}, "has its classifier"),
        ({"g": {"title": "G"}}, {"a": UNET}, "needs unet.label_conditioned"),
        (
            {"g": {"title": "G"}},
            {"a": SUBNET, "b": SUBNET, "c": {**SUBNET, "regime": "3 %"}},
            "the models a, b are all called 'S'; give each",
        ),
    ],
)
def test_a_mistake_is_named_before_anything_is_trained(
    groups: dict[str, Any], models: dict[str, Any], message: str, write: Write
) -> None:
    path = write(groups=groups, models=models)
    with pytest.raises(ValueError, match=message) as error:
        read_table(str(path))
    assert str(path) in str(error.value)


@pytest.mark.parametrize("text", ["title: [", "- a\n- b", "colour: red", ""])
def test_a_file_that_is_no_table_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "table.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"table\.yaml"):
        read_table(str(tmp_path / "table.yaml"))


def test_a_source_without_a_root_is_named(write: Write) -> None:
    with pytest.raises(ValueError, match="needs the key 'root'"):
        read_table(str(write(sources=[{"kind": "folder"}])))


@pytest.mark.parametrize("name", TABLES)
def test_shipped_tables_can_be_made(name: str, tmp_path: Path) -> None:
    """Their models share what they are to share, and no two are alike."""
    table: Table = read_table(name)
    shared = ("optimiser", "augment", "precision", "compile", "skip_silence")
    configs = {key: table.config(key, 0, tmp_path, tmp_path / "c") for key in table.models}
    for config in configs.values():
        first = next(iter(configs.values()))
        assert all(getattr(config, part) == getattr(first, part) for part in shared)
        assert config.data.batch_size == first.data.batch_size
    for key, model in table.models.items():
        steps = model.steps or first.run.steps
        assert configs[key].run == dataclasses.replace(first.run, steps=steps)
        assert not model.steps or "trained" in model.title  # a reader sees that it is a control
    assert len({str(config) for config in configs.values()}) == len(configs)
    cells = list(table.cells())
    assert len({(cell.group, cell.name) for cell in cells}) == len(cells)
    assert all(1 <= table.asked(cell)[1] <= MOST_COUNT for cell in cells)


def test_what_is_asked_of_a_row(content: Content, write: Write) -> None:
    """No word in a free row, and at guidance 0, unless the model knows the word without."""
    models = content()["models"]
    told = {"unet": {"label_conditioned": "true"}}
    models["told"] = {**models["unet"], "family": "Told", "settings": told, "guide": "itself"}
    table = read_table(str(write(models=models)))
    both = ["hum", "hiss"]

    def asked(group: str, model: str, **variant: str) -> tuple[list[str], int]:
        return table.asked(Cell(group, model, 0, variant))

    assert asked("free", "subnet") == (["none"], 3)
    assert asked("asked", "subnet") == (both, 2)
    assert asked("gamma", "subnet", guidance="2") == (both, 2)
    assert asked("gamma", "subnet", guidance="0") == (["none"], 4)
    assert asked("gamma", "told", guidance="0") == (both, 2)
    weights, classifier = Path("w"), Path("c")
    specs = [table.spec(Cell("asked", m, 0, {}), weights, classifier) for m in table.models]
    assert [spec.classifier for spec in specs] == [None, "c", None]
    assert table.words_of("unet") == ("hum",)
    assert table.words_of("subnet") == ("hum", "hiss")
