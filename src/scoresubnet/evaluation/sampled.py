"""Clips sampled from a generator to be evaluated: kept as files, so that a break loses little."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from scoresubnet.audio.io import write_wav
from scoresubnet.cost import count_gmacs, subnet_cost
from scoresubnet.data.words import UNCONDITIONAL
from scoresubnet.evaluation.clip_sets import ClipFile
from scoresubnet.evaluation.systems import vocoder_settings
from scoresubnet.files import file_hash, write_json
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.weights import find_weights

SETTINGS, SPEED = "settings.json", "speed.json"
PART = 16  # clips that are made before they are kept


class Sampler:
    """A generator, and the folder in which its clips are kept.

    Args:
        weights: name of shipped weights, a folder or a file.
        vocoder: as `load_vocoder` takes it.
        labels: words to sample, or "none" alone; all that the weights know if None.
        seeds: one clip of each label per seed.
        options: how, for `SpeechGenerator.generate`.
        folder: gets `<label>/<seed>.wav`.

    Raises:
        ValueError: the weights, a label or an option cannot be used, the clips of several labels
            would be the same, or the folder holds clips of other settings.
    """

    def __init__(
        self,
        weights: str,
        vocoder: str,
        labels: Sequence[str] | None,
        seeds: Sequence[int],
        options: Mapping[str, Any],
        folder: Path,
    ) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.generator = SpeechGenerator.from_pretrained(weights, vocoder, device=device)
        self.labels = tuple(labels or self.generator.labels)
        if UNCONDITIONAL in self.labels and len(self.labels) > 1:
            raise ValueError(f"{UNCONDITIONAL!r} stands alone: evaluate unconditional clips apart")
        self.weights, self.seeds, self.options, self.folder = weights, seeds, options, folder
        ends = [(label, seed) for label in self.labels for seed in (seeds[0], seeds[-1])]
        chosen = self.generator.check([end[0] for end in ends], [end[1] for end in ends], **options)
        if not chosen.guidance and len(self.labels) > 1:
            raise ValueError(
                "with guidance 0 a seed gives the same clip for every label; for unconditional "
                f"clips choose --labels {UNCONDITIONAL} and as large a --count as you want"
            )
        self.settings: dict[str, object] = {
            "weights_sha256": file_hash(find_weights(weights)),
            "vocoder": vocoder_settings(self.generator.vocoder),
            **chosen.to_dict(),
        }
        refuse_other_clips(folder, self.settings)

    def sample(self) -> list[ClipFile]:
        """Make the clips that are missing; the files of all that were asked for."""
        sample_clips(
            self.generator, self.labels, self.seeds, self.options, self.settings, self.folder
        )
        return [
            ClipFile(self.folder / label / f"{seed}.wav", None if label == UNCONDITIONAL else label)
            for label in self.labels
            for seed in self.seeds
        ]

    def about(self) -> dict[str, object]:
        """What is sampled, ready for JSON."""
        each = "of no word" if self.labels == (UNCONDITIONAL,) else "of each word"
        what = f"{len(self.seeds)} {each}, sampled from {self.weights}"
        return {"what": what, "seeds": [self.seeds[0], self.seeds[-1]], **self.settings}

    def cost(self) -> dict[str, float]:
        """See `generator_cost`."""
        return generator_cost(self.generator, self.labels[0], self.options)

    def speed(self) -> dict[str, float]:
        """Seconds a clip and a second of sound, over all runs."""
        spent = seconds_spent(self.folder)
        each = spent["seconds"] / max(1, spent["clips"])
        factor = each / self.generator.mel.clip_seconds
        return {**spent, "seconds_per_clip": each, "real_time_factor": factor}


def sample_clips(
    generator: SpeechGenerator,
    labels: Sequence[str],
    seeds: Sequence[int],
    options: Mapping[str, Any],
    settings: Mapping[str, object],
    folder: Path,
    progress: bool = True,
) -> None:
    """Write `<folder>/<label>/<seed>.wav` for every label and seed; clips that are there are kept.

    The seconds that sampling took are added up in `speed.json`.

    Args:
        generator: makes them.
        labels: words, or "none".
        seeds: one clip of each label per seed.
        options: for `SpeechGenerator.generate`.
        settings: all that a clip depends on besides its label and seed, ready for JSON.
        folder: holds clips of these settings alone.
        progress: show a progress bar.

    Raises:
        ValueError: the folder holds clips of other settings.
    """
    refuse_other_clips(folder, settings)
    write_json(folder / SETTINGS, settings)
    wanted = [(label, seed) for label in labels for seed in seeds]
    missing = [item for item in wanted if not (folder / f"{item[0]}/{item[1]}.wav").is_file()]
    batches = [missing[k : k + PART] for k in range(0, len(missing), PART)]
    kept = f" ({len(wanted) - len(missing)} of {len(wanted)} kept)" if missing != wanted else ""
    with tqdm(desc=f"generating{kept}", unit="step", disable=not progress) as bar:

        def step(done: int, total: int) -> None:
            bar.total = total * len(batches)
            bar.update()

        for batch in batches:
            start = time.perf_counter()
            speech = generator.generate(
                [label for label, _ in batch], [seed for _, seed in batch], progress=step, **options
            )
            for (label, seed), audio in zip(batch, speech.audio, strict=True):
                write_wav(folder / label / f"{seed}.wav", audio.numpy(), speech.rate)
            spent = seconds_spent(folder)
            spent["clips"] += len(batch)
            spent["seconds"] += time.perf_counter() - start
            write_json(folder / SPEED, spent)


def refuse_other_clips(folder: Path, settings: Mapping[str, object]) -> None:
    """Fail if the folder holds clips of other settings, and name what differs.

    Raises:
        ValueError: it does.
    """
    path = folder / SETTINGS
    if not path.is_file():
        return
    kept = json.loads(path.read_text(encoding="utf-8"))
    names = sorted({*kept, *settings})
    differing = [
        f"{name} {kept.get(name)} / {settings.get(name)}"
        for name in names
        if kept.get(name) != settings.get(name)
    ]
    if differing:
        raise ValueError(
            f"{folder}: holds clips of other settings (there / now: {', '.join(differing)}); "
            "choose another --out, or delete that folder"
        )


def seconds_spent(folder: Path) -> dict[str, float]:
    """How many clips were made in how many seconds, over all runs."""
    path = folder / SPEED
    if not path.is_file():
        return {"clips": 0, "seconds": 0.0}
    spent: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return spent


def generator_cost(
    generator: SpeechGenerator, label: str, options: Mapping[str, Any]
) -> dict[str, float]:
    """Parameters, and multiply-adds (in units of 1e9) and activation memory (MiB) of one clip.

    Of a step they are those of `cost.subnet_cost`. Of a clip everything is counted as it runs: all
    steps of the sampler, with guidance where it is on, and the vocoder. Moves the model to the CPU.

    Args:
        generator: what is counted.
        label: a word, or "none".
        options: for `SpeechGenerator.generate`.
    """
    generator.model.to("cpu")
    step = asdict(subnet_cost(generator.model))
    clip = count_gmacs(lambda: generator.generate(label, 0, **options))
    return {**step, "clip_gmacs": clip, "clip_seconds": generator.mel.clip_seconds}
