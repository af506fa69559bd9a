"""What the page of the vocoders measures, and the files it makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from scoresubnet.audio.io import Audio, fit_length, read_audio
from scoresubnet.audio.mel import LogMel, MelSettings
from scoresubnet.data.clips import Clip
from scoresubnet.data.sources.speech_commands import find_speech_commands
from scoresubnet.evaluation.figures import resynthesis_figure
from scoresubnet.evaluation.judges.waveforms import RATE
from scoresubnet.evaluation.measures import (
    HEADINGS,
    RESAMPLES,
    Measure,
    Row,
    Scores,
    all_measures,
    rows_of_scores,
    scores_of,
)
from scoresubnet.evaluation.measures import SEED as BOOTSTRAP_SEED
from scoresubnet.evaluation.speed import Speed, vocoder_speed
from scoresubnet.evaluation.tables import score_table
from scoresubnet.experiments.card import PRESET, SAMPLER, SOURCE, generate, versions
from scoresubnet.files import file_hash, replacing, write_json, write_text
from scoresubnet.pipeline import SpeechGenerator
from scoresubnet.plots import save_figure
from scoresubnet.tensor_files import state_hash
from scoresubnet.vocoders import Vocoder, load_vocoder
from scoresubnet.weights import find_weights, load_model

ORIGINAL = "original"
GUIDANCE = 3.0
BATCH = 16  # clips that go through a vocoder together
SHOWN = 4  # words in a picture, at most
PACKAGES = (
    *("scoresubnet", "torch", "numpy", "soundfile", "soxr", "pesq", "pystoi", "speechmos"),
    *("onnxruntime", "librosa", "distillmos", "xls-r-sqa"),
)


def make_page(
    data: Path,
    out: Path,
    vocoders: Sequence[str],
    count: int,
    weights: str,
    seeds: Sequence[int],
    steps: int,
) -> str:
    """Measure everything, write it to `out`, and return `table.md`.

    Args:
        data: the folder that holds `speech_commands`.
        out: made if missing; an earlier page in it is replaced.
        vocoders: names, as `load_vocoder` takes them; at least one.
        count: real clips, the first of the sorted testing list.
        weights: of the generator: name of shipped weights, a folder or a file.
        seeds: one clip of each label is generated per seed; none if empty.
        steps: reverse steps.

    Raises:
        WeightsError: the weights cannot be used.
        FileNotFoundError: the recordings are not there.
        ImportError: a package of a measure is not installed.
        ValueError: a vocoder is unknown or made for other features, there are fewer testing clips,
            or a number is out of its range.
    """
    file = load_model(weights)
    mel = file.mel
    if mel.sample_rate != RATE:
        raise ValueError(f"the features have {mel.sample_rate} Hz, the measures want {RATE}")
    voices = {name: load_vocoder(name, mel) for name in vocoders}
    if ORIGINAL in voices:
        raise ValueError(f"a vocoder cannot be called {ORIGINAL!r}")
    clips = first_testing_clips(data / SOURCE, count)
    measures = all_measures(mel)
    cache = out / "cache"

    originals = [fit_length(read_audio(clip.path, RATE), mel.clip_samples) for clip in clips]
    x = features_of(originals, mel)
    real = {ORIGINAL: originals, **{n: vocode(v, x, n) for n, v in voices.items()}}
    real_rows = measure_systems(measures, real, originals, cache)
    speeds = {
        name: [vocoder_speed(vocoder, x[:size]) for size in (1, BATCH)]
        for name, vocoder in voices.items()
    }
    pictured = one_of_each([clip.label for clip in clips])
    titles = [clips[index].label for index in pictured]
    show(real, pictured, titles, mel, out / "real.png")

    generated_rows: list[Row] = []
    labels = [label for label in file.labels for _ in seeds]
    if labels:
        all_seeds = list(seeds) * len(file.labels)
        generator = SpeechGenerator(file, next(iter(voices.values())))
        mels = generated_mels(generator, weights, labels, all_seeds, steps, cache)
        made = {n: vocode(v, mels, f"{n}, generated") for n, v in voices.items()}
        predictions = [measure for measure in measures if not measure.intrusive]
        generated_rows = measure_systems(predictions, made, None, cache)
        pictured = one_of_each(labels)
        titles = [f"{labels[index]} ({all_seeds[index]})" for index in pictured]
        show(made, pictured, titles, mel, out / "generated.png")

    values = {
        "settings": {
            "clips": [f"{clip.label}/{clip.path.name}" for clip in clips],
            "speakers": speakers(clips),
            "weights": weights,
            "weights_sha256": file_hash(find_weights(weights)),
            "vocoders": {name: vocoder_hash(vocoder) for name, vocoder in voices.items()},
            "labels": file.labels if labels else [],
            "seeds": list(seeds),
            "guidance": GUIDANCE,
            "steps": steps,
            "preset": PRESET,
            "sampler": SAMPLER,
            "mel": mel.to_dict(),
            "mel_hash": mel.hash,
            "measures": {measure.name: measure.settings for measure in measures},
            "bootstrap": {"resamples": RESAMPLES, "seed": BOOTSTRAP_SEED},
        },
        "versions": versions(PACKAGES),
        "real": rows_to_dict(real_rows, [f"{clip.label}/{clip.path.stem}" for clip in clips]),
        "generated": rows_to_dict(generated_rows, labels),
        "speed": {name: [s.to_dict() for s in found] for name, found in speeds.items()},
    }
    text = page_text(real_rows, generated_rows, speeds, clips, weights, labels, seeds, steps)
    write_json(out / "table.json", values)
    write_text(out / "table.md", text)
    return text


def first_testing_clips(root: Path, count: int) -> list[Clip]:
    """The first `count` clips of the Speech Commands testing list, sorted by `<word>/<name>`.

    Raises:
        FileNotFoundError: the recordings or their lists are not there.
        ValueError: there are fewer.
    """
    clips = [clip for clip in find_speech_commands(root) if clip.split == "testing"]
    if len(clips) < count:
        raise ValueError(f"{root}: {len(clips)} testing clips, fewer than {count}")
    return sorted(clips, key=lambda clip: f"{clip.label}/{clip.path.stem}")[:count]


def features_of(clips: Sequence[Audio], mel: MelSettings) -> Tensor:
    """Clips of `mel.clip_samples` samples -> scaled log-Mels (B, 1, 80, 64)."""
    front_end = LogMel(mel)
    batches = [clips[k : k + BATCH] for k in range(0, len(clips), BATCH)]
    return torch.cat([front_end(torch.from_numpy(np.stack(batch))) for batch in batches])


@torch.no_grad()
def vocode(vocoder: Vocoder, x: Tensor, description: str) -> list[Audio]:
    """Scaled log-Mels (B, 1, 80, 64) -> B clips, with a progress bar."""
    made: list[Audio] = []
    with tqdm(total=len(x), desc=description, unit="clip") as bar:
        for batch in x.split(BATCH):
            made += list(vocoder(batch).numpy())
            bar.update(len(batch))
    return made


def measure_systems(
    measures: Sequence[Measure],
    systems: Mapping[str, Sequence[Audio]],
    originals: Sequence[Audio] | None,
    cache: Path,
) -> list[Row]:
    """Every score of every system, with their progress; scores of the same sounds are kept."""
    scores: dict[str, Scores] = {name: {} for name in systems}
    for name, clips in systems.items():
        for measure in measures:
            description = f"{measure.name}, {name}"
            scores[name] |= scores_of(measure, clips, originals, cache, description=description)
    return rows_of_scores(scores)


def generated_mels(
    generator: SpeechGenerator,
    weights: str,
    labels: Sequence[str],
    seeds: Sequence[int],
    steps: int,
    cache: Path,
) -> Tensor:
    """Scaled log-Mels (B, 1, 80, 64) of the generator, kept in `cache` by all they depend on."""
    settings = [file_hash(find_weights(weights)), labels, seeds, GUIDANCE, SAMPLER, steps]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    path = cache / f"mels-{key}.npy"
    if path.is_file():
        return torch.from_numpy(np.load(path, allow_pickle=False))
    mels = generate(generator, labels, seeds, GUIDANCE, steps).mels
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, mels.numpy(), allow_pickle=False)
    return mels


def one_of_each(labels: Sequence[str]) -> list[int]:
    """The position of the first of each label, of at most `SHOWN` labels, in their order."""
    return [labels.index(label) for label in dict.fromkeys(labels)][:SHOWN]


def show(
    systems: Mapping[str, Sequence[Audio]],
    pictured: Sequence[int],
    titles: Sequence[str],
    mel: MelSettings,
    path: Path,
) -> None:
    """Draw some clips of every system side by side."""
    chosen = {name: [clips[index] for index in pictured] for name, clips in systems.items()}
    save_figure(resynthesis_figure(chosen, titles, mel), path)


def rows_to_dict(rows: Sequence[Row], names: Sequence[str]) -> dict[str, Any]:
    """Score -> its means by system and the clips that were left out, ready for JSON.

    Args:
        rows: of the same clips.
        names: of all those clips, those that were left out included.
    """
    return {
        row.score: {
            "systems": {
                name: {
                    "mean": mean.value,
                    "low": mean.low,
                    "high": mean.high,
                    "count": len(names) - len(row.left_out),
                }
                for name, mean in row.means.items()
            },
            "left_out": [names[index] for index in row.left_out],
        }
        for row in rows
    }


def page_text(
    real: Sequence[Row],
    generated: Sequence[Row],
    speeds: Mapping[str, Sequence[Speed]],
    clips: Sequence[Clip],
    weights: str,
    labels: Sequence[str],
    seeds: Sequence[int],
    steps: int,
) -> str:
    """The two tables, and what one must know to read them, as Markdown."""
    words = dict.fromkeys(clip.label for clip in clips)
    one, many = next(iter(speeds.values()))
    missing = [
        f"{HEADINGS[row.score].text} has no value for {len(row.left_out)}"
        for row in real
        if row.left_out
    ]
    left_out = f"{' and '.join(missing)}; left out for every system alike. " if missing else ""
    text = f"""Real words: the first {len(clips)} clips of the sorted Speech Commands testing list \
({", ".join(words)}; speakers: {speakers(clips)}), one second each, as they are and \
through log-Mel and vocoder. Means with 95 % bootstrap intervals over clips. {left_out}Speed: the \
median of {len(one.pass_seconds)} passes of {one.clips} clip and of {many.clips} clips together; \
torch threads: {one.threads}.

{score_table(real, len(clips), {name: _rates(found) for name, found in speeds.items()})}"""
    if generated:
        text += f"""
Generated words: {len(labels)} of {weights}, {len(seeds)} of each label (seeds {seeds[0]} to \
{seeds[-1]}), guidance {GUIDANCE:g}, {steps} steps of {SAMPLER}; the same log-Mels through each \
vocoder.

{score_table(generated, len(labels))}"""
    return text


def _rates(found: Sequence[Speed]) -> str:
    return " / ".join(f"{speed.rate:.3g}" for speed in found)


def speakers(clips: Sequence[Clip]) -> int:
    """How many people speak, by the names of the files."""
    return len({clip.speaker or clip.path for clip in clips})


def vocoder_hash(vocoder: Vocoder) -> str | None:
    """`tensor_files.state_hash` of a vocoder's weights; None if it has none."""
    state = vocoder.state_dict() if isinstance(vocoder, nn.Module) else {}
    return state_hash(state) if state else None
