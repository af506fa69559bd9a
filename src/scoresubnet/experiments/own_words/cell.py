"""One cell: a language, a number of recordings, a seed; what is missing of it is made."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scoresubnet.adaptation.run import adapt
from scoresubnet.adaptation.score import ScoreRecipe
from scoresubnet.audio.io import Audio, read_audio
from scoresubnet.audio.mel import MelSettings
from scoresubnet.data.clips import Split
from scoresubnet.evaluation.judges.intelligibility import RATE, WordRecogniser
from scoresubnet.evaluation.judges.word_evaluator import WordEvaluator
from scoresubnet.expansion import Expansion
from scoresubnet.expansion.nearest import log_mel_distances
from scoresubnet.experiments.own_words.espeak import speak
from scoresubnet.experiments.own_words.spotter import Clips, SpotterConfig, right, train_spotter
from scoresubnet.experiments.own_words.words import Language, choose_recordings, log_mels
from scoresubnet.files import file_hash, write_json
from scoresubnet.model_about import find_weights
from scoresubnet.vocoders import load_vocoder

ACCEPT = 0.8
BACKEND = "onnx"
RESULT = "result.json"
FORMAT = 2
"""Of `result.json`."""
Shares = dict[str, float | None]
"""Word -> share of its clips; None where there are none."""


@dataclass(frozen=True)
class Sizes:
    """What a cell is made of, beside its recordings.

    Attributes:
        clips: that are generated of each word, and spoken by the text-to-speech system.
        judged: of each word, at most: generated, kept and real.
        recipe: of the adaptation.
        spotter: how spotters are trained.
    """

    clips: int = 100
    judged: int = 40
    recipe: ScoreRecipe = field(default_factory=ScoreRecipe)
    spotter: SpotterConfig = field(default_factory=SpotterConfig)


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
    def origin(self) -> str:
        """The weights that it begins with, by content."""
        return file_hash(find_weights(self.weights))[:16]

    @property
    def is_made(self) -> bool:
        """Whether `result.json` is there.

        Raises:
            ValueError: it is, but of other weights, adapted in another precision, or in another
                format.
        """
        path = self.folder / RESULT
        if not path.exists():
            return False
        found = json.loads(path.read_text(encoding="utf-8"))
        expected = {
            "weights": self.origin,
            "precision": self.sizes.recipe.precision,
            "format": FORMAT,
        }
        for name, own in expected.items():
            if found.get(name) != own:
                raise ValueError(f"{path}: is of other {name}; choose another --out, or delete it")
        return True

    def run(self) -> None:
        """Make `result.json`.

        Raises:
            FileNotFoundError: espeak-ng is not installed, or recordings are missing.
            Stopped: it was asked to stop.
        """
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
            per_word=self.sizes.clips,
            accept=0.0,
            copies=True,
            seed=self.seed,
            backend=BACKEND,
        ).run()
        if not (spoken := self.out / f"spoken-{self.language.name}").exists():
            speak(self.language, self.sizes.clips, 0, spoken)
        heard, near = self._heard()
        result = {
            "format": FORMAT,
            "weights": self.origin,
            "language": self.language.name,
            "recordings": self.count,
            "seed": self.seed,
            "backend": BACKEND,
            "precision": recipe.precision,
            "steps": adapted.steps,
            "left_out_right": adapted.held_out.right[1e-3],
            "heard": heard,
            "near": near,
            "accepted": len(self._accepted()) / (self.sizes.clips * len(self.language.words)),
            "spotters": self._spotters(spoken),
        }
        write_json(self.folder / RESULT, result)

    def _rows(self) -> list[dict[str, str]]:
        with (self.folder / "expanded/manifest.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _accepted(self) -> list[Path]:
        """Of what was made, what `expand` would keep."""
        heard = [row for row in self._rows() if float(row["sure"]) >= ACCEPT]
        rows = [row for row in heard if row["near"] == "False"]
        return [self.folder / "expanded" / row["file"] for row in rows]

    def _heard(self) -> tuple[dict[str, dict[str, Shares]], dict[str, Shares]]:
        """What each judge hears as asked for, and near copies: of each word.

        Of `generated` clips, of those that `expand` would keep, and of `real` ones through log-Mel
        and vocoder.
        """
        mel, kept = MelSettings(), set(self._accepted())
        vocoder, testing = load_vocoder("pitch", mel), self.language.clips(self.data, "testing")
        clips: dict[str, dict[str, list[Audio]]] = {"generated": {}, "kept": {}, "real": {}}
        near: dict[str, Shares] = {"generated": {}, "kept": {}}
        for word in self.language.words:
            made = sorted((self.folder / "expanded" / word).glob("*.wav"))
            given = sorted((self.folder / "recordings" / word).iterdir())
            others = [clip.path for clip in testing if clip.label == word]
            given_x, others_x = (log_mels(p, mel)[:, 0].numpy() for p in (given, others))
            limit = np.quantile(log_mel_distances(others_x, given_x).min(1), 0.05)
            chosen = {"generated": made, "kept": [path for path in made if path in kept]}
            for name, paths in chosen.items():
                first = paths[: self.sizes.judged]
                clips[name][word] = [read_audio(path) for path in first]
                near[name][word] = None
                if first:
                    distances = log_mel_distances(log_mels(first, mel)[:, 0].numpy(), given_x)
                    near[name][word] = float((distances.min(1) < limit).mean())
            clips["real"][word] = list(vocoder(log_mels(others[: self.sizes.judged], mel).numpy()))
        heard = {
            judge: {name: _shares(hear, own) for name, own in clips.items()}
            for judge, hear in _judges(self.language).items()
        }
        return heard, near

    def _spotters(self, spoken: Path) -> dict[str, Any]:
        """What spotters of each mixture hear right of other speakers' clips."""
        recorded = self._set(sorted((self.folder / "recordings").glob("*/*")))
        made = self._set([self.folder / "expanded" / row["file"] for row in self._rows()])
        accepted = self._set(self._accepted())
        spoken_ = self._set(sorted(spoken.glob("*/*.wav")))
        plain = Clips(recorded.x, recorded.labels, varied=False)
        mixtures = {
            "recordings": [recorded],
            "copies": [recorded, plain],
            "generated beside": [recorded, made],
            "accepted beside": [recorded, accepted],
            "espeak beside": [recorded, spoken_],
            "generated alone": [made],
        }
        validation, testing = self._real("validation"), self._real("testing")
        config, classes = self.sizes.spotter, len(self.language.words)
        found = {}
        for name, sets in mixtures.items():
            usable = [each for each in sets if len(each.labels)]
            tried = [train_spotter(usable, classes, r, config, self.seed) for r in config.rates]
            scores = [right(network, *validation) for network in tried]
            best = int(np.argmax(scores))
            found[name] = {
                "rate": config.rates[best],
                "validation": scores[best],
                "right": right(tried[best], *testing),
            }
        return found

    def _set(self, paths: Sequence[Path]) -> Clips:
        """Clips whose word is the name of their folder."""
        labels = [self.language.words.index(path.parent.name) for path in paths]
        if not paths:
            return Clips(torch.empty(0, 1, 80, 64), torch.empty(0, dtype=torch.long))
        return Clips(log_mels(paths, MelSettings()), torch.tensor(labels))

    def _real(self, split: Split) -> tuple[Tensor, Tensor]:
        clips = self.language.clips(self.data, split)
        labels = torch.tensor([self.language.words.index(clip.label) for clip in clips])
        return log_mels([clip.path for clip in clips], MelSettings()), labels


Hear = Callable[[Sequence[Audio]], list[str | None]]


def _judges(language: Language) -> Mapping[str, Hear]:
    evaluator = WordEvaluator.from_pretrained(language.evaluator)

    def evaluated(clips: Sequence[Audio]) -> list[str | None]:
        probabilities = evaluator(clips).probabilities
        assert probabilities is not None
        return [evaluator.labels[k] for k in probabilities.argmax(1)]

    if not language.heard:
        return {"evaluator": evaluated}
    recogniser = WordRecogniser(language.words)
    return {
        "evaluator": evaluated,
        "pocketsphinx": lambda clips: [recogniser.recognise(clip, RATE) for clip in clips],
    }


def _shares(hear: Hear, clips: Mapping[str, Sequence[Audio]]) -> Shares:
    return {
        word: float(np.mean([heard == word for heard in hear(own)])) if own else None
        for word, own in clips.items()
    }
