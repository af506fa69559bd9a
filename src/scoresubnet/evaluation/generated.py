"""Clips sampled from weights to be evaluated: kept as files, so that a break loses little."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from scoresubnet.audio.io import write_wav
from scoresubnet.cost import count_gmacs, model_cost
from scoresubnet.data.words import UNCONDITIONAL
from scoresubnet.evaluation.clips import ClipFile
from scoresubnet.evaluation.specs import SystemSpec
from scoresubnet.files import file_hash, write_json
from scoresubnet.jobs.parts import Part
from scoresubnet.model import DiffusionModel
from scoresubnet.model_about import find_weights
from scoresubnet.pipeline import SpeechGenerator

SETTINGS, SPEED = "settings.json", "speed.json"
BATCH = 16  # clips that are made before they are kept


def clip_seed(seed: int, label: str, number: int) -> int:
    """The seed of one clip, 32 bits: every label and number has noise of its own.

    It does not depend on the weights or their settings, so that clip k of a label begins with the
    same noise in all systems that are compared.
    """
    digest = hashlib.sha256(json.dumps([seed, label, number]).encode()).digest()
    return int.from_bytes(digest[:4])


class GeneratedClips:
    """A folder `<label>/<number>.wav` of clips of one generator; what is missing is sampled.

    Args:
        generator: samples and vocodes.
        spec: the weights that it has loaded, and their sampling.
        labels: words to sample, or aliases of them, or "none" alone; all that the weights know if
            None.
        count: clips of each label, numbers 0 to count - 1.
        seed: see `clip_seed`.
        folder: gets the clips, their settings, and the seconds that they took.

    Raises:
        ValueError: a label or setting cannot be used, the clips of several labels would be alike,
            or the folder holds clips of other settings.
    """

    def __init__(
        self,
        generator: SpeechGenerator,
        spec: SystemSpec,
        labels: Sequence[str] | None,
        count: int,
        seed: int,
        folder: Path,
    ) -> None:
        assert spec.weights is not None
        self.generator, self.weights, self.classifier = generator, spec.weights, spec.classifier
        self.labels = tuple(dict.fromkeys(map(generator.label_of, labels or generator.labels)))
        self.count, self.seed, self.folder = count, seed, folder
        if UNCONDITIONAL in self.labels and len(self.labels) > 1:
            raise ValueError(f"{UNCONDITIONAL!r} stands alone: evaluate unconditional clips apart")
        self.sampling = generator.check(
            list(self.labels), [0] * len(self.labels), spec.sampling, **spec.overrides
        )
        told = generator.model.is_label_conditioned
        if not self.sampling.guidance and not told and len(self.labels) > 1:
            raise ValueError(
                "with guidance 0 no label is asked for; for unconditional clips choose --labels "
                f"{UNCONDITIONAL} and as large a --count as you want"
            )
        self.settings: dict[str, object] = {
            "weights_sha256": file_hash(find_weights(self.weights)),
            "vocoder": generator.vocoder.settings,
            "backend": generator.backend,
            **self.sampling.to_dict(),
            "seed": seed,
            "scoresubnet": version("scoresubnet"),
        }
        if spec.classifier is not None:
            self.settings["classifier_sha256"] = file_hash(find_weights(spec.classifier))
        refuse_other_clips(folder, self.settings)

    def files(self, progress: bool = True, part: Part | None = None) -> list[ClipFile]:
        """Make the clips that are missing; the files of all that were asked for.

        Args:
            progress: show a bar.
            part: of a job, whose clips they are; all if None.
        """
        part = part or Part()
        every = [(label, k) for label in self.labels for k in range(self.count)]
        # Whole batches: in another one a clip is rounded otherwise than in a run without a break.
        starts = part.take(range(0, len(every), BATCH))
        batches = [every[k : k + BATCH] for k in starts]
        wanted = [item for batch in batches for item in batch]
        paths = {item: self.folder / item[0] / f"{item[1]}.wav" for item in wanted}
        missing = {item for item in wanted if not paths[item].is_file()}
        batches = [batch for batch in batches if not missing.isdisjoint(batch)]
        write_json(self.folder / SETTINGS, self.settings)
        name = f"{self.folder.name}, {len(wanted) - len(missing)} of {len(wanted)} kept"
        with tqdm(desc=name, unit="step", disable=not progress) as bar:

            def step(done: int, total: int) -> None:
                bar.total = total * len(batches)
                bar.update()

            for batch in batches:
                start = time.perf_counter()
                speech = self.generator.generate(
                    [label for label, _ in batch],
                    [clip_seed(self.seed, *item) for item in batch],
                    self.sampling,
                    progress=step,
                )
                for item, audio in zip(batch, speech.audio, strict=True):
                    if item in missing:
                        write_wav(paths[item], audio, speech.rate)
                self._spend(len(batch), time.perf_counter() - start, part)
        return [
            ClipFile(paths[label, k], None if label == UNCONDITIONAL else label)
            for label, k in wanted
        ]

    def about(self) -> dict[str, object]:
        """The settings of the clips, ready for JSON."""
        each = "of no word" if self.labels == (UNCONDITIONAL,) else "of each word"
        what = f"{self.count} {each}, sampled from {self.weights}"
        return {"what": what, "weights": self.weights, "count": self.count, **self.settings}

    def cost(self) -> dict[str, float | None]:
        """Parameters, and multiply-adds (in units of 1e9) and activation memory (MiB) of one clip.

        Of a step they are those of `cost.model_cost`. Of a clip all steps of the sampler count,
        with guidance where it is on; the vocoder does not. Moves the model to the CPU.
        """
        model, mel = self.generator.model, self.generator.mel
        assert isinstance(model, DiffusionModel)
        step = asdict(model_cost(model.to("cpu"), (mel.n_mels, mel.frames)))
        label = self.labels[0]
        clip = count_gmacs(lambda: self.generator.generate(label, 0, self.sampling))
        return {**step, "clip_gmacs": clip, "clip_seconds": mel.clip_seconds}

    def speed(self) -> dict[str, float]:
        """Seconds a clip and a second of sound, over all runs and parts."""
        spent = [_spent(path) for path in self.folder.glob(f"{Path(SPEED).stem}*.json")]
        clips, seconds = (sum(one[key] for one in spent) for key in ("clips", "seconds"))
        each = seconds / max(1, clips)
        factor = each / self.generator.mel.clip_seconds
        found = {"clips": clips, "seconds": seconds}
        return {**found, "seconds_per_clip": each, "real_time_factor": factor}

    def _spend(self, clips: int, seconds: float, part: Part) -> None:
        path = (self.folder / SPEED).with_suffix(f"{part.suffix}.json")  # parts run side by side
        spent = _spent(path)
        total = {"clips": spent["clips"] + clips, "seconds": spent["seconds"] + seconds}
        write_json(path, total)


def _spent(path: Path) -> dict[str, float]:
    if not path.is_file():
        return {"clips": 0, "seconds": 0.0}
    spent: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return spent


def load_generator(
    weights: str, vocoder: str, classifier: str | None = None, backend: str = "torch"
) -> SpeechGenerator:
    """The generator, on a GPU if there is one; errors as of `SpeechGenerator.from_pretrained`."""
    return SpeechGenerator.from_pretrained(
        weights, vocoder, device=None, classifier=classifier, backend=backend
    )


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
