"""Systems to evaluate, as one asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoresubnet.data.words import as_word
from scoresubnet.files import escaped
from scoresubnet.options.registries import refuse_unknown
from scoresubnet.sampling import SETTINGS, Sampling
from scoresubnet.weight_files.hub import is_on_hub, read_place

_KINDS = {int: "whole number", float: "number", bool: "truth value; give true or false"}
BACKENDS = ("torch", "torch-bf16")
"""Of `scoresubnet.backends` those whose models can be counted."""
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class SystemSpec:
    """A system to evaluate: a folder of clips, or weights with their own settings.

    Attributes:
        folder: of clips; or
        weights: name of shipped weights, folder, file or `hf:ORG/NAME`.
        classifier: weights whose classifier guides a U-Net.
        name: in the report; that of the folder or weights if None.
        vocoder: of the weights; that of the evaluation if None.
        sampling: of the weights, a preset or settings; what they recommend if None.
        backend: what runs the weights: torch or torch-bf16.
        overrides: settings by name.

    Raises:
        ValueError: neither folder nor weights are given, or both, or settings with a folder; or the
            name cannot be that of a folder of clips.
    """

    folder: str | None = None
    weights: str | None = None
    classifier: str | None = None
    name: str | None = None
    vocoder: str | None = None
    sampling: str | Sampling | None = None
    backend: str = "torch"
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.folder) == bool(self.weights):
            raise ValueError("a system is either a folder of clips or weights; give one of the two")
        given = [name for name, value in self.overrides.items() if value is not None]
        own = ("classifier", "vocoder", "sampling")
        given += [name for name in own if getattr(self, name) is not None]
        refuse_unknown("backend of a system", self.backend, BACKENDS)
        given += ["backend"] if self.backend != "torch" else []
        if self.folder and given:
            raise ValueError(f"{', '.join(given)}: folder {self.folder} is not sampled; drop these")
        if self.name is not None:
            as_word(self.name, "name of a system")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SystemSpec:
        """Read a mapping with the keys folder or weights, classifier, name, vocoder, backend and
        those of `Sampling`.

        Numbers and truth values may be text, as on the command line.

        Raises:
            ValueError: a key is unknown, a value is of another kind, or as for the class.
        """
        own = ("folder", "weights", "classifier", "name", "vocoder", "sampling", "backend")
        for key in values:
            refuse_unknown("key of a system", key, (*own, *SETTINGS))
        for key in own:
            if not isinstance(values.get(key), str | None):
                raise ValueError(f"{key} {values[key]!r} of a system is no text; put it in quotes")
        overrides = {key: _setting(key, values[key]) for key in values if key in SETTINGS}
        given = {k: v for k, v in values.items() if k in own and v is not None}
        return cls(**given, overrides=overrides)

    @property
    def called(self) -> str:
        """Its name, or that of its folder or weights, escaped where it is not UTF-8."""
        if self.folder:
            name = self.name or Path(self.folder).resolve().name
        elif self.weights and is_on_hub(self.weights):
            name = self.name or read_place(self.weights).name
        else:
            path = Path(self.weights or "").resolve()
            name = self.name or (path.stem if path.suffix == ".safetensors" else path.name)
        return escaped(name)


def _setting(key: str, value: object) -> object:
    """A setting that may be text.

    Raises:
        ValueError: the text is of another kind.
    """
    kind = SETTINGS[key].metadata["type"]
    if not isinstance(value, str) or kind is str:
        return value
    try:
        return _TRUTHS[value.lower()] if kind is bool else kind(value)
    except (KeyError, ValueError):
        raise ValueError(f"{key} {value!r} of a system is no {_KINDS[kind]}") from None
