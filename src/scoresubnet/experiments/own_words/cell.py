"""One cell: a language, a number of recordings, a seed; what is missing of it is made."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scoresubnet.adaptation.run import adapt
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.audio.io import read_audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.clips import Split
from scoresubnet.expansion import Expansion
from scoresubnet.expansion.nearest import log_mel_distances
from scoresubnet.experiments.own_words.arms import arms, compare, first_of_each, read
from scoresubnet.experiments.own_words.espeak import speak
from scoresubnet.experiments.own_words.judges import Shares, judges, shares, shares_of_real
from scoresubnet.experiments.own_words.spotter import SpotterConfig
from scoresubnet.experiments.own_words.words import Language, choose_recordings, log_mels
from scoresubnet.files import claim, file_hash, write_json
from scoresubnet.model_about import find_weights

ACCEPT = 0.8
NEAR = 0.05
"""Of clips by other speakers, so many are as near to a recording as what counts as a copy."""
BACKEND = "onnx"
RESULT, ABOUT = "result.json", "cell.json"
FORMAT = 4
"""Of `result.json`."""


@dataclass(frozen=True)
class Sizes:
    """What a cell is made of, beside its recordings.

    Attributes:
        made: clips that are generated of each word, of which `expand` would keep some.
        clips: of each word that a spotter gets: the first that were generated, the first that are
            kept, and as many spoken by the text-to-speech system.
        judged: of each word, at most, by the judges that listen.
        real: testing clips of each word that they hear in comparison, at most.
        recipe: of the adaptation.
        spotter: how spotters are trained.
    """

    made: int = 150
    clips: int = 100
    judged: int = 40
    real: int = 100
    recipe: ScoreRecipe = field(default_factory=ScoreRecipe)
    spotter: SpotterConfig = field(default_factory=SpotterConfig)


def read_result(path: Path) -> dict[str, Any]:
    """A `result.json`.

    Raises:
        ValueError: it is damaged, or of another version.
    """
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error}); delete it") from error
    if found.get("format") != FORMAT:
        raise ValueError(f"{path}: is of other format; choose another --out, or delete it")
    return found


@dataclass(frozen=True)
class Cell:
    """What is compared for one draw of recordings.

    Attributes:
        language: the words.
        count: recordings of each.
        seed: which recordings, and of all else.
        data: folder of the corpora.
        weights: that do not know the words.
        out: of the whole experiment.
        sizes: how much is made.
    """

    language: Language
    count: int
    seed: int
    data: Path
    weights: str
    out: Path
    sizes: Sizes

    @property
    def folder(self) -> Path:
        """Where it is made."""
        return self.out / "cells" / f"{self.language.name}-{self.count:02d}-{self.seed}"

    @property
    def about(self) -> dict[str, Any]:
        """What its result depends on."""
        return {
            "format": FORMAT,
            "language": self.language.name,
            "words": list(self.language.words),
            "recordings": self.count,
            "seed": self.seed,
            "weights": file_hash(find_weights(self.weights))[:16],
            "sizes": json.loads(json.dumps(asdict(self.sizes))),
        }

    @property
    def is_made(self) -> bool:
        """Whether `result.json` is there.

        Raises:
            ValueError: it is, but of something else.
        """
        path = self.folder / RESULT
        if not path.exists():
            return False
        found = read_result(path)
        for name, own in self.about.items():
            if found.get(name) != own:
                raise ValueError(f"{path}: is of other {name}; choose another --out, or delete it")
        return True

    def run(self) -> None:
        """Make `result.json`.

        Raises:
            FileNotFoundError: espeak-ng is not installed, or recordings are missing.
            ValueError: the folder has a cell of something else.
            Stopped: it was asked to stop.
        """
        claim(self.folder / ABOUT, self.about)
        self._list_testing()
        recordings, weights = self.folder / "recordings", self.folder / "adapted"
        if not recordings.exists():
            clips = self.language.clips(self.data, "training")
            choose_recordings(clips, self.count, self.seed, recordings)
        recipe = self.sizes.recipe
        adapted = adapt(recordings, self.weights, weights, 0, seed=self.seed, recipe=recipe)
        Expansion(
            recordings,
            weights,
            self.folder / "expanded",
            per_word=self.sizes.made,
            accept=0.0,
            copies=True,
            seed=self.seed,
            backend=BACKEND,
        ).run()
        if not (spoken := self.folder / "spoken").exists():
            speak(self.language, self.sizes.clips, self.seed, spoken)
        result = {
            **self.about,
            "steps": adapted.steps,
            "left_out_right": adapted.held_out.right[1e-3],
            "accepted": {word: len(own) for word, own in self._accepted().items()},
            "near": self._near(),
            "heard": self._once("heard", self._heard),
            "spotters": self._spotters(),
        }
        write_json(self.folder / RESULT, result)

    def _list_testing(self) -> None:
        """The testing clips in the order of `guessed`, once for all cells of a language."""
        path = self.out / f"testing-{self.language.name}.json"
        if not path.exists():
            clips = self.language.clips(self.data, "testing")
            write_json(path, [f"{clip.label}/{clip.path.name}" for clip in clips])

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `<name>.json` in the folder holds; it is made if it is not there."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            write_json(path, make())
        return json.loads(path.read_text(encoding="utf-8"))

    def _rows(self) -> dict[str, list[dict[str, str]]]:
        """Word -> the rows of its clips, as they were made."""
        with (self.folder / "expanded/manifest.csv").open(encoding="utf-8") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: int(row["number"]))
        return {word: [r for r in rows if r["word"] == word] for word in self.language.words}

    def _paths(self, *conditions: Callable[[dict[str, str]], bool]) -> dict[str, list[Path]]:
        folder = self.folder / "expanded"
        return {
            word: [folder / row["file"] for row in rows if all(holds(row) for holds in conditions)]
            for word, rows in self._rows().items()
        }

    def _accepted(self) -> dict[str, list[Path]]:
        """Of what was made, what `expand` would keep."""
        return self._paths(lambda r: float(r["sure"]) >= ACCEPT, lambda r: r["near"] == "False")

    def _near(self) -> dict[str, dict[str, float | None]]:
        """Of each word, what counts as near, and the shares of clips that are.

        Distances are those of the manifest, between log-Mels before the vocoder and recordings.
        """
        found: dict[str, dict[str, float | None]] = {"limit": {}, "generated": {}, "kept": {}}
        mel, kept = MelSettings(), self._accepted()
        testing = self.language.clips(self.data, "testing")
        for word, rows in self._rows().items():
            given = sorted((self.folder / "recordings" / word).iterdir())
            others = [clip.path for clip in testing if clip.label == word]
            given_x, others_x = (log_mels(p, mel)[:, 0].numpy() for p in (given, others))
            limit = float(np.quantile(log_mel_distances(others_x, given_x).min(1), NEAR))
            names = {path.name for path in kept[word]}
            found["limit"][word] = limit
            for name, own in (
                ("generated", rows),
                ("kept", [row for row in rows if Path(row["file"]).name in names]),
            ):
                near = [float(row["distance"]) < limit for row in own]
                found[name][word] = float(np.mean(near)) if near else None
        return found

    def _heard(self) -> dict[str, dict[str, Shares]]:
        """What each judge hears as asked for: of each word.

        Of clips that are generated, that `expand` would keep, that espeak-ng speaks, and of `real`
        ones through log-Mel and vocoder.
        """
        spoken = self.folder / "spoken"
        paths = {
            "generated": self._paths(),
            "kept": self._accepted(),
            "espeak": {word: sorted((spoken / word).iterdir()) for word in self.language.words},
        }
        clips = {
            name: {w: [read_audio(p) for p in own[: self.sizes.judged]] for w, own in words.items()}
            for name, words in paths.items()
        }
        hears = judges(self.language, self.data)
        of_real = shares_of_real(
            self.language,
            self.data,
            self.sizes.real,
            hears,
            self.out / f"real-{self.language.name}.json",
        )
        return {
            judge: {name: shares(hear, own) for name, own in clips.items()}
            | {"real": of_real[judge]}
            for judge, hear in hears.items()
        }

    def _spotters(self) -> dict[str, Any]:
        """What spotters of each arm hear right of other speakers' clips."""
        words, count = self.language.words, self.sizes.clips
        compared = arms(
            read(sorted((self.folder / "recordings").glob("*/*")), words),
            read(first_of_each(self._paths(), count), words),
            read(first_of_each(self._accepted(), count), words),
            read(sorted((self.folder / "spoken").glob("*/*.wav")), words),
        )
        validation, testing = self._real("validation"), self._real("testing")
        config, seed = self.sizes.spotter, self.seed
        (self.folder / "spotters").mkdir(exist_ok=True)
        return {
            name: self._once(
                f"spotters/{name}",
                lambda sets=sets: compare(  # type: ignore[misc]
                    sets, words, config, seed, validation, testing
                ).to_dict(),
            )
            for name, sets in compared.items()
        }

    def _real(self, split: Split) -> tuple[Tensor, Tensor]:
        clips = self.language.clips(self.data, split)
        labels = torch.tensor([self.language.words.index(clip.label) for clip in clips])
        return log_mels([clip.path for clip in clips], MelSettings()), labels
