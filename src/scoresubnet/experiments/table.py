"""A table of models: what is trained, how it is sampled, and what is compared, from one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from scoresubnet.data.sources import Source
from scoresubnet.data.words import UNCONDITIONAL, resolve_words
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.experiments.table_parts import MOST_SEEDS, Cell, Group, Model, refuse_shared
from scoresubnet.options.errors import plainly
from scoresubnet.options.plain_yaml import MODE, load
from scoresubnet.options.registries import refuse_unknown
from scoresubnet.training.config import TRAININGS, ScoreTraining, Training, UNetTraining
from scoresubnet.training.config_files import chain, find_config

TABLES = {path.stem: path for path in (Path(__file__).parent / "tables").glob("*.yaml")}


@dataclass(frozen=True)
class Table:
    """Everything about one table.

    Attributes:
        title: a heading.
        words: the labels: a list, or a named set.
        sources: where the recordings are, with roots relative to one folder of data.
        reference: folder of real clips to compare with, relative to the same.
        configs: kind of training -> the config that it starts from.
        classifier: settings of the training of the one classifier; or name, folder or file of
            weights whose classifier it is, and none is trained.
        shared: settings of all other trainings.
        groups: key -> group, the most important first.
        models: key -> model.
    """

    title: str
    words: list[str] | str
    sources: list[dict[str, Any]]
    reference: str
    configs: dict[str, str]
    classifier: dict[str, Any] | str
    shared: dict[str, Any]
    groups: dict[str, Group]
    models: dict[str, Model]

    def __post_init__(self) -> None:
        for key, model in self.models.items():
            if not 1 <= model.seeds <= MOST_SEEDS:
                raise ValueError(f"model {key}: seeds must lie in 1 to {MOST_SEEDS}")
            if model.steps < 0:
                raise ValueError(f"model {key}: steps must be 0 or more, got {model.steps}")
            for group in model.groups:
                refuse_unknown("group", group, self.groups, f"in model {key}")
            refuse_shared(key, model.settings)
            same = [name for name, other in self.models.items() if other.title == model.title]
            if len(same) > 1:
                raise ValueError(
                    f"the models {', '.join(same)} are all called {model.title!r}; give each a "
                    "family or a regime of its own"
                )
        for key, about in self.groups.items():
            there = [name for name, model in self.models.items() if key in model.groups]
            if not there:
                raise ValueError(f"group {key} has no models; name it in `groups` of one")
            if about.against is not None:
                refuse_unknown(f"model of the group {key}", about.against, there)
        for source in self.sources:
            Source.from_dict(source)
        self._refuse_unusable()

    def _refuse_unusable(self) -> None:
        """What would otherwise show after hours of training.

        Raises:
            ValueError: a training or a row cannot be made.
        """
        nowhere = Path()
        self.classifier_config(nowhere, nowhere)
        for key, model in self.models.items():
            try:
                config = self.config(key, 0, nowhere, nowhere)
            except ValueError as error:
                raise ValueError(f"model {key}: {error}") from error
            if model.guide == "itself" and not isinstance(config, UNetTraining):
                raise ValueError(f"model {key}: a Score Subnet has its classifier for a guide")
            if model.guide == "itself" and not _is_told(config):
                raise ValueError(
                    f"model {key}: to guide itself it needs unet.label_conditioned: true"
                )
        for cell in self.cells():
            try:
                self.spec(cell, nowhere / "weights", nowhere)
            except ValueError as error:
                raise ValueError(f"group {cell.group}: {error}") from error

    @property
    def labels(self) -> tuple[str, ...]:
        """The words asked for: all those of the classifier, or some of a given one."""
        return resolve_words(self.words)

    def cells(self) -> Iterator[Cell]:
        """All rows, group by group; of models with several seeds the first seed first."""
        for group, about in self.groups.items():
            models = [key for key, model in self.models.items() if group in model.groups]
            for seed in range(about.seeds):
                for key in models:
                    if seed < self.models[key].seeds:
                        for variant in about.variants:
                            yield Cell(group, key, seed, variant)

    def spec(self, cell: Cell, weights: Path, classifier: Path) -> SystemSpec:
        """What `evaluate` is to sample for a cell."""
        settings = {**self.groups[cell.group].settings, **cell.variant}
        model = self.models[cell.model]
        if model.train == "unet" and model.guide == "classifier":
            settings["classifier"] = str(classifier)
        return SystemSpec.from_dict({"weights": str(weights), **settings})

    def asked(self, cell: Cell) -> tuple[list[str], int]:
        """The labels that a cell's clips are of, and the number of clips of each.

        At guidance 0 a model that is not label-conditioned is asked for no word.
        """
        group = self.groups[cell.group]
        if group.unconditional:
            return [UNCONDITIONAL], group.count
        unguided = float(cell.variant.get("guidance", 1)) == 0
        if unguided and cell.model not in self.label_conditioned:
            return [UNCONDITIONAL], group.count * len(self.labels)
        return list(self.labels), group.count

    @cached_property
    def label_conditioned(self) -> frozenset[str]:
        """The models whose score is that of the word asked for, without guidance."""
        return frozenset(
            key for key in self.models if _is_told(self.config(key, 0, Path(), Path()))
        )

    def words_of(self, model: str) -> tuple[str, ...]:
        """The words that a model is trained on."""
        words = self.config(model, 0, Path(), Path()).data.words
        return self.labels if words is None else resolve_words(words)

    def classifier_config(self, data: Path, cache: Path) -> Training | None:
        """The training of the classifier that all models share; None where it is given."""
        if isinstance(self.classifier, str):
            return None
        return self._config("classifier", data, cache, self.classifier)

    def config(self, model: str, seed: int, data: Path, cache: Path) -> Training:
        """The training of a model."""
        entry = self.models[model]
        run = {"seed": str(seed)} | ({"steps": entry.steps} if entry.steps else {})
        own = _merged(_merged(self.shared, entry.settings), {"run": run})
        return self._config(entry.train, data, cache, own)

    def _config(self, kind: str, data: Path, cache: Path, settings: dict[str, Any]) -> Training:
        refuse_unknown("kind of training", kind, self.configs, "under `configs`")
        values: dict[str, Any] = {}
        for _, content in chain(find_config(self.configs[kind])):
            values = _merged(values, content)
        sources = [{**source, "root": str(data / source["root"])} for source in self.sources]
        given = {"words": self.words, "sources": sources, "cache": str(cache)}
        return training_config(kind, _merged(_merged(values, {"data": given}), settings))


def read_table(name: str) -> Table:
    """A table by its shipped name, or from a file.

    Raises:
        ValueError: there is none of that name, or the file is malformed.
    """
    path = Path(name) if Path(name).is_file() else None
    if path is None:
        refuse_unknown("table", name, TABLES, "or give the path of a file")
        path = TABLES[name]
    try:
        content = load(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not a mapping")
        table: Table = _parsed(Table, content)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {plainly(str(error))}") from error
    return table


def training_config(kind: str, values: Mapping[str, Any]) -> Training:
    """A config of a kind of training from plain values, nested as in a YAML file.

    Raises:
        ValueError: a key is unknown, or a value cannot be used.
    """
    config: Training = _parsed(TRAININGS[kind], values)
    return config


def _parsed(cls: Any, values: Mapping[str, Any]) -> Any:
    parser = ArgumentParser(exit_on_error=False, parser_mode=MODE)
    parser.add_class_arguments(cls, as_group=False)
    try:
        return cls(**vars(parser.instantiate(parser.parse_object(dict(values)))))
    except Exception as error:
        raise ValueError(plainly(str(error))) from error


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The values of both, those of the second where both have one; mappings are merged."""
    found = dict(first)
    for key, value in second.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = _merged(found[key], value) if both else value
    return found


def _is_told(config: Training) -> bool:
    """Whether a model's score is that of the word asked for, without guidance."""
    if isinstance(config, ScoreTraining):
        return config.subnet.label_taps
    return isinstance(config, UNetTraining) and config.unet.label_conditioned
