"""What a table names: groups of rows, the models in them, and the rows themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from scoresubnet.evaluation.run import MOST_COUNT
from scoresubnet.evaluation.sections import SECTIONS
from scoresubnet.options.registries import refuse_unknown

MOST_SEEDS = 10
_OWN = {
    "subnet": None,
    "unet": None,
    "parametrisation": None,
    "times": None,
    "label_dropout": None,
    "data": ("share", "words"),
}
"""Settings in which the models of a table may differ; None: all that are in it."""


@dataclass(frozen=True)
class Group:
    """Rows that are sampled and measured alike.

    Attributes:
        title: a heading.
        settings: of sampling, as of a system of `evaluate`: sampling, steps, guidance and so on.
        vary: one setting and its values; a row for each.
        unconditional: whether no word is asked for.
        count: clips of each word, or in all where no word is asked for.
        seeds: of models with several seeds at most so many have rows.
        sections: what is measured; everything if None.
        against: key of the model with whose first row the others are compared, on clips of the
            same noise.
    """

    title: str
    settings: dict[str, str] = field(default_factory=dict)
    vary: dict[str, list[str]] = field(default_factory=dict)
    unconditional: bool = False
    count: int = 50
    seeds: int = MOST_SEEDS
    sections: list[str] | None = None
    against: str | None = None

    def __post_init__(self) -> None:
        if len(self.vary) > 1:
            raise ValueError(f"vary one setting of a group, not {', '.join(self.vary)}")
        if not 1 <= self.count <= MOST_COUNT:
            raise ValueError(f"count {self.count} of a group; it lies in 1 to {MOST_COUNT}")
        for name in self.sections or []:
            refuse_unknown("section", name, SECTIONS)

    @property
    def variants(self) -> list[dict[str, str]]:
        """The settings of its rows that change; one empty mapping where nothing varies."""
        return [{name: v} for name, values in self.vary.items() for v in values] or [{}]


@dataclass(frozen=True)
class Model:
    """What is trained.

    Attributes:
        family: such as "Score Subnet".
        train: the kind of training.
        groups: in which its rows are.
        regime: the data that it is trained on, if they are not those of the table.
        settings: in which its config differs from that of the table.
        guide: what guides a U-Net: the classifier of the table, or itself, if it is
            label-conditioned.
        seeds: trainings with different seeds.
        steps: of a control that is trained longer than the others; 0: as many as they have.
    """

    family: str
    train: Literal["score", "unet"]
    groups: list[str]
    regime: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    guide: Literal["classifier", "itself"] = "classifier"
    seeds: int = 1
    steps: int = 0

    @property
    def title(self) -> str:
        """Family and regime."""
        return f"{self.family}, {self.regime}" if self.regime else self.family


@dataclass(frozen=True)
class Cell:
    """One row: one trained model, sampled in one way.

    Attributes:
        group: its key.
        model: its key.
        seed: of the training.
        variant: the setting of the group that varies, with its value.
    """

    group: str
    model: str
    seed: int
    variant: Mapping[str, str]

    @property
    def name(self) -> str:
        """Fit for a folder."""
        parts = [self.model, f"seed{self.seed}", *(f"{k}-{v}" for k, v in self.variant.items())]
        return "_".join(parts).translate(str.maketrans(":=,/", "----"))


def refuse_shared(model: str, settings: Mapping[str, Any]) -> None:
    """Refuse what all models of a table have in common.

    Raises:
        ValueError: a model sets it.
    """
    for key, value in settings.items():
        inner = _OWN.get(key)
        names = [f"{key}.{name}" for name in value if name not in inner] if inner else []
        if key not in _OWN:
            names = [key]
        if names:
            raise ValueError(
                f"model {model} sets {', '.join(names)}, which all models of a table share; "
                "set it under `shared` (`steps` of one model beside its `settings`)"
            )
