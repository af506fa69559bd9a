"""What the card of a word model measures, and the files it makes."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scoresubnet.audio.io import write_wav
from scoresubnet.data.clips import Clip
from scoresubnet.data.features import build_features
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.data.words import WORD_SETS
from scoresubnet.evaluation.accuracy import AccuracyAt, accuracy_over_time, rows_of
from scoresubnet.evaluation.figures import accuracy_figure
from scoresubnet.evaluation.judges.intelligibility import (
    RecognitionResult,
    WordRecogniser,
    recognition,
)
from scoresubnet.evaluation.reference import first_clips, reference_recognition
from scoresubnet.evaluation.tables import intelligibility_table, ratio, summary
from scoresubnet.files import file_hash, write_json, write_text
from scoresubnet.pipeline import GeneratedSpeech, SpeechGenerator
from scoresubnet.plots import save_figure, save_grid
from scoresubnet.sampling import resolve_sampling
from scoresubnet.vocoders import GriffinLim
from scoresubnet.weights import ModelFile, find_weights, load_model

SOURCE = "speech_commands"
TIMES = (1e-3, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
MOST_REFERENCES = 100  # recordings of each label that the recogniser hears
ACCURACY_SEED = 0  # of the noise on the recordings
PRESET, SAMPLER = "paper", "euler-maruyama"  # of which steps and guidance may be others
PACKAGES = ("scoresubnet", "torch", "numpy", "pocketsphinx", "soundfile", "soxr")


def reference_table(data: Path, out: Path) -> str:
    """Hear the recordings of the 18 words, keep that in `out`, and return it as a table.

    Args:
        data: the folder that holds `speech_commands`.
        out: made if missing.

    Raises:
        FileNotFoundError: the recordings are not there.
    """
    words = WORD_SETS["WORDS18"]
    clips = find_speech_commands(data / SOURCE, words)
    rows = hear_recordings(WordRecogniser(words), clips, GriffinLim(), out)
    return intelligibility_table(words, rows, training_counts(clips))


def make_card(
    weights: str, data: Path, out: Path, seeds: Sequence[int], guidance: float, steps: int
) -> str:
    """Measure the weights, write everything to `out`, and return `intelligibility.md`.

    Args:
        weights: name of shipped weights, a folder or a file.
        data: the folder that holds `speech_commands`, with every label of the weights.
        out: made if missing; an earlier card in it is replaced.
        seeds: one clip of each label is generated per seed.
        guidance: gamma.
        steps: reverse steps.

    Raises:
        WeightsError: the weights cannot be used.
        FileNotFoundError: the recordings are not there.
        ValueError: the recogniser or the recordings lack a label, or a number is out of its range.
    """
    file = load_model(weights)
    vocoder = GriffinLim(file.mel)
    generator = SpeechGenerator(file, vocoder)
    labels = [label for label in file.labels for _ in seeds]
    all_seeds = list(seeds) * len(file.labels)
    generator.check(labels, all_seeds, PRESET, sampler=SAMPLER, guidance=guidance, steps=steps)
    recogniser = WordRecogniser(file.labels)
    clips = find_speech_commands(data / SOURCE, file.labels)

    curve = measure_classifier(file, clips, out)
    save_figure(accuracy_figure(curve, len(file.labels)), out / "accuracy.png")
    rows = hear_recordings(recogniser, clips, vocoder, out)
    speech = generate(generator, labels, all_seeds, guidance, steps)
    heard = recognition(
        recogniser, speech.audio, speech.labels, speech.rate, description="generated"
    )
    rows["generated"] = heard
    generated = write_clips(speech, heard, out)
    save_grid(every(speech, len(seeds)), file.mel, out / "grid.png")

    training = training_counts(clips)
    settings = {
        "weights": weights,
        "weights_sha256": file_hash(find_weights(weights)),
        "labels": file.labels,
        "seeds": list(seeds),
        "guidance": guidance,
        "steps": steps,
        "preset": PRESET,
        "sampler": SAMPLER,
        "vocoder": vocoder.name,
        "mel": file.mel.to_dict(),
        "mel_hash": file.mel.hash,
        "recogniser": recogniser.settings,
        "accuracy_seed": ACCURACY_SEED,
        "most_references": MOST_REFERENCES,
    }
    values = {
        "settings": settings,
        "versions": versions(),
        "notes": file.notes,
        "training_clips": training,
        "accuracy": [point.to_dict() for point in curve],
        "intelligibility": {name: summary(result) for name, result in rows.items()},
        "ratio_to_vocoded": ratio(rows),
        "generated": generated,
    }
    write_json(out / "card.json", values)
    text = f"""# Intelligibility of {weights}

Share of the clips in which a recogniser (pocketsphinx {version("pocketsphinx")}) that hears one of
these {len(file.labels)} words or none hears the one that was meant.

- Generated: {len(seeds)} a word (seeds {seeds[0]} to {seeds[-1]}), guidance {guidance:g}, \
{steps} steps of {SAMPLER}, {vocoder.name}.
- Real: testing clips of Speech Commands, at most {MOST_REFERENCES} a word.
- Training clips: those of Speech Commands.

{intelligibility_table(file.labels, rows, training)}"""
    write_text(out / "intelligibility.md", text)
    return text


def training_counts(clips: Sequence[Clip]) -> dict[str, int]:
    """Label -> number of its training clips, 0 included."""
    counts = Counter(clip.label for clip in clips if clip.split == "training")
    return {label: counts[label] for label in dict.fromkeys(clip.label for clip in clips)}


def measure_classifier(file: ModelFile, clips: Sequence[Clip], out: Path) -> list[AccuracyAt]:
    """Accuracy on all testing clips at each of `TIMES`; their features are kept in `out`."""
    testing = [clip for clip in clips if clip.split == "testing"]
    features = build_features(testing, file.labels, out / "features", file.mel)
    rows = rows_of(features, "testing", SOURCE)
    return accuracy_over_time(file, features, rows, TIMES, ACCURACY_SEED)


def hear_recordings(
    recogniser: WordRecogniser, clips: Sequence[Clip], vocoder: GriffinLim, out: Path
) -> dict[str, RecognitionResult]:
    """What is heard in the first testing clips of each label: "vocoded" and "untouched"."""
    chosen = first_clips(clips, "testing", MOST_REFERENCES)
    return {
        "vocoded": reference_recognition(recogniser, chosen, vocoder, out),
        "untouched": reference_recognition(recogniser, chosen, None, out),
    }


def generate(
    generator: SpeechGenerator,
    labels: Sequence[str],
    seeds: Sequence[int],
    guidance: float,
    steps: int,
) -> GeneratedSpeech:
    """One clip per label and seed by the paper's setting, with a progress bar."""
    with tqdm(desc="generating", unit="step") as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        way = resolve_sampling(PRESET, sampler=SAMPLER, guidance=guidance, steps=steps)
        return generator.generate(labels, seeds, way, progress)


def every(speech: GeneratedSpeech, count: int) -> GeneratedSpeech:
    """Items 0, count, 2 count, ...: with `count` clips of each label, the first of each."""
    return GeneratedSpeech(
        speech.mels[::count],
        speech.audio[::count],
        speech.rate,
        speech.labels[::count],
        speech.seeds[::count],
        speech.heard[::count],
        speech.confidence[::count],
    )


def write_clips(
    speech: GeneratedSpeech, result: RecognitionResult, out: Path
) -> list[dict[str, Any]]:
    """Write `wav/<label>_<seed>.wav`, and return one row per clip, ready for JSON."""
    rows = []
    for index, (label, seed) in enumerate(zip(speech.labels, speech.seeds, strict=True)):
        name = f"wav/{label}_{seed}.wav"
        write_wav(out / name, speech.audio[index].numpy(), speech.rate)
        row = {
            "file": name,
            "label": label,
            "seed": seed,
            "heard": result.heard[index],
            "classifier": speech.heard[index],
            "confidence": round(speech.confidence[index].item(), 4),
        }
        rows.append(row)
    return rows


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The versions that the figures were made with."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # scoresubnet itself, run from a checkout
            found[package] = "not installed"
    return found
