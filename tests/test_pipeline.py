"""The generator: seeds, batches, guidance, and what it refuses."""

from __future__ import annotations

import json
import shutil
import unicodedata
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.cli import main
from scoresubnet.export.run import export
from scoresubnet.model import ScoreModel
from scoresubnet.model_about import shipped_weights
from scoresubnet.networks.adjoint import record
from scoresubnet.noise import seeded_noise
from scoresubnet.pipeline import Floats, SpeechGenerator, towards_of
from scoresubnet.samplers import SAMPLERS, Noise, euler_maruyama
from scoresubnet.sampling import SAMPLING_PRESETS, Sampling
from scoresubnet.schedules import GUIDANCE_SCHEDULES, Schedule, guidance_schedule
from scoresubnet.time_grids import TIME_GRIDS
from scoresubnet.weights import ModelFile, load_model, save_model

LABELS = ("yes", "no", "stop")


@pytest.fixture
def weights(tmp_path: Path, make_score_model: Callable[..., ScoreModel]) -> Path:
    """A tiny model of random weights, as a run folder."""
    model = make_score_model("v", classes=len(LABELS))
    file = ModelFile(model.backbone.classifier, LABELS, model.sde, MelSettings(), model.subnet, "v")
    save_model(file, tmp_path / "model.safetensors")
    return tmp_path


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """graphs(folder): put the graphs of the tiny model beside its weights, made once."""
    made: list[Path] = []

    def beside(folder: Path) -> None:
        if not made:
            made.extend(export(folder, tmp_path_factory.mktemp("graphs"))[1:])
        for path in made:
            shutil.copy(path, folder)

    return beside


@pytest.fixture(params=["torch", "onnx"])
def generator(
    weights: Path, graphs: Callable[[Path], None], request: pytest.FixtureRequest
) -> SpeechGenerator:
    if request.param == "onnx":
        graphs(weights)
    return SpeechGenerator.from_pretrained(weights, backend=request.param)


def test_result_has_the_documented_shapes(generator: SpeechGenerator) -> None:
    speech = generator.generate(["yes", "none", "stop"], seeds=[4, 5, 6], steps=2)
    assert speech.mels.shape == (3, 1, 80, 64)
    assert speech.audio.shape == (3, 16_000)
    assert speech.rate == 16_000
    assert np.abs(speech.mels).max() <= 1
    assert np.abs(speech.audio).max() <= 1
    assert speech.labels == ("yes", "none", "stop")
    assert speech.seeds == (4, 5, 6)
    assert set(speech.heard) <= set(LABELS)
    assert ((speech.confidence > 0) & (speech.confidence <= 1)).all()


def test_labels_are_found_in_either_form_of_unicode(weights: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "über") for form in ("NFC", "NFD"))
    file = load_model(weights)
    file.labels = (apart, "no", "stop")
    save_model(file, weights / "model.safetensors")
    generator = SpeechGenerator.from_pretrained(weights)
    assert generator.labels[0] == composed
    assert generator.generate([composed, apart], [3, 3], steps=2).labels == (composed, composed)
    generator.check([apart], [0])


def test_an_alias_is_another_spelling_of_its_label(generator: SpeechGenerator) -> None:
    composed, apart = (unicodedata.normalize(form, "à bientôt") for form in ("NFC", "NFD"))
    generator.aliases = {composed: "no", "لا": "no"}
    speech = generator.generate(["no", apart, "لا", "none"], [3, 3, 3, 3], steps=2)
    assert speech.labels == ("no", "no", "no", "none")
    torch.testing.assert_close(speech.mels[1:3], speech.mels[[0, 0]])
    assert generator.generate("لا", steps=2).labels == ("no",)
    generator.check([apart, "لا"], [0, 0])
    with pytest.raises(ValueError, match=r"unknown label 'لاا'; nearest first, .*: لا, .*stop"):
        generator.check(["لاا"], [0])


def test_a_sample_depends_on_its_own_seed_alone(generator: SpeechGenerator) -> None:
    alone = generator.generate("no", seeds=7, steps=4)
    crowd = generator.generate(["yes", "no", "none", "no"], seeds=[1, 7, 7, 2], steps=4)
    generator.batch_size = 2
    split = generator.generate(["yes", "no", "none", "no"], seeds=[1, 7, 7, 2], steps=4)
    for other in (crowd, split):
        torch.testing.assert_close(other.mels[1:2], alone.mels, atol=1e-4, rtol=0)
    assert np.abs(crowd.mels[3] - alone.mels[0]).max() > 0.1


def test_generating_twice_gives_the_same_and_leaves_the_callers_generator_alone(
    generator: SpeechGenerator,
) -> None:
    state = torch.get_rng_state()
    first = generator.generate("yes", seeds=3, steps=3)
    assert torch.equal(torch.get_rng_state(), state)
    second = generator.generate("yes", seeds=3, steps=3)
    assert np.array_equal(first.mels, second.mels)
    assert np.array_equal(first.audio, second.audio)


def test_no_label_and_no_guidance_are_the_same(generator: SpeechGenerator) -> None:
    none = generator.generate("none", seeds=3, steps=4)
    unguided = generator.generate("yes", seeds=3, guidance=0.0, steps=4)
    guided = generator.generate("yes", seeds=3, guidance=3.0, steps=4)
    mixed = generator.generate(["yes", "none"], seeds=[3, 3], steps=4)
    torch.testing.assert_close(none.mels, unguided.mels, atol=1e-4, rtol=0)
    torch.testing.assert_close(mixed.mels[1:], none.mels, atol=1e-4, rtol=0)
    assert np.abs(guided.mels - none.mels).max() > 1e-3


def test_label_taps_ask_for_the_word_without_guidance_too(
    make_score_model: Callable[..., ScoreModel], tmp_path: Path
) -> None:
    model = make_score_model("v", classes=len(LABELS), label_taps=True)
    file = ModelFile(model.backbone.classifier, LABELS, model.sde, MelSettings(), model.subnet, "v")
    save_model(file, tmp_path / "model.safetensors")
    generator = SpeechGenerator.from_pretrained(tmp_path)
    asked: dict[str, Any] = {"seeds": [3, 3, 3], "steps": 4, "guidance": 0.0}
    mels = generator.generate(["yes", "none", "stop"], **asked).mels
    alone = [generator.generate(w, seeds=3, steps=4, guidance=0.0).mels for w in ("yes", "none")]
    torch.testing.assert_close(mels[:2], np.concatenate(alone), atol=1e-4, rtol=0)
    assert np.abs(mels[0] - mels[1]).max() > 1e-3
    assert np.abs(mels[0] - mels[2]).max() > 1e-3
    mixed = generator.generate(["yes", "none"], seeds=[3, 3], steps=4, guidance=3.0).mels
    torch.testing.assert_close(mixed[1], mels[1], atol=1e-4, rtol=0)  # guided by nothing
    assert np.abs(mixed[0] - mels[0]).max() > 1e-3


def test_guidance_raises_the_label_in_the_classifiers_ear(generator: SpeechGenerator) -> None:
    def probability(guidance: float) -> float:
        speech = generator.generate(["stop"] * 8, seeds=range(8), guidance=guidance, steps=20)
        return float(generator.probabilities(speech.mels)[:, LABELS.index("stop")].mean())

    assert probability(20.0) > probability(0.0)


def test_calls_of_before_give_the_bits_of_before(weights: Path) -> None:
    """A literal copy of what `generate` did when it knew one sampler, one grid, one schedule."""
    labels, seeds, guidance, steps = ["yes", "none", "stop"], [3, 4, 5], 3.0, 7
    generator = SpeechGenerator.from_pretrained(weights, backend="torch")
    model = generator.model
    index = torch.tensor([LABELS.index(w) if w != "none" else 0 for w in labels])
    asked = torch.tensor([w != "none" for w in labels])

    def score_fn(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        score, gradient = model.with_class_gradient(index)(x, t)[:2]
        return score + (torch.full_like(t, guidance) * asked).reshape(-1, 1, 1, 1) * gradient

    noise = seeded_noise(seeds, (1, 80, 64), torch.empty(0))
    times = torch.linspace(1.0, model.sde.t_eps, steps + 1, dtype=torch.float64)
    with torch.no_grad():
        x = euler_maruyama(score_fn, noise(), times, noise, model.sde)
    found = generator.generate(labels, seeds, "paper", guidance=guidance, steps=steps)
    assert np.array_equal(found.mels, x.clamp(-1, 1))


def test_clips_move_towards_a_seed(generator: SpeechGenerator) -> None:
    """From their own to that of the other, beside one another."""

    def made(seeds: list[int], **given: Any) -> Floats:
        labels = ["yes"] * len(seeds)
        return generator.generate(labels, seeds, "fast", steps=2, **given).mels

    own = made([3, 4, 9])
    torch.testing.assert_close(made([3, 4, 9], towards=(9, 0.0)), own)
    torch.testing.assert_close(made([3, 4], towards=(9, 1.0)), own[[2, 2]], atol=1e-5, rtol=0)
    half = made([3, 4], towards=(9, 0.5))
    assert np.square(half[0] - half[1]).mean() < np.square(own[0] - own[1]).mean()
    for towards, reason in (((-1, 0.5), "seed to move towards"), ((9, 1.5), "share 1.5 of the")):
        with pytest.raises(ValueError, match=reason):
            made([3], towards=towards)


def test_a_share_needs_a_seed_that_it_leads_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert towards_of(None, None) is None
    assert towards_of(3, None) == (3, 0.5)
    assert towards_of(3, 0.2) == (3, 0.2)
    for command in (["generate", "six"], ["expand", "x", "--weights", "y", "--out", "z"]):
        assert main([*command, "--share", "0.9"]) == 1
        assert "--share 0.9 of the way to which seed? Name it by" in capsys.readouterr().err


@pytest.mark.parametrize("label", ["seven", "six", "up", "cat"])
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_word_is_the_same_alone_and_among_others(backend: str, label: str) -> None:
    """With the shipped weights and the default setting: guidance amplifies no rounding error."""
    generator = SpeechGenerator.from_pretrained(backend=backend)
    together = generator.generate([label] * 3, seeds=[5, 6, 7])
    alone = generator.generate(label, seeds=6)
    torch.testing.assert_close(together.mels[1:2], alone.mels, atol=1e-3, rtol=0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_keeps_samples_apart(generator: SpeechGenerator, sampler: str) -> None:
    """Guided beside unguided, whatever the neighbours; and each label has its say."""
    options: dict[str, Any] = {
        "guidance": 20.0,
        "steps": 3,
        "sampler": sampler,
        "grid": "quadratic",
    }
    crowd = generator.generate(["yes", "no", "none"], seeds=[1, 7, 7], **options)
    guided = generator.generate("no", seeds=7, **options)
    unguided = generator.generate("no", seeds=7, **(options | {"guidance": 0.0}))
    torch.testing.assert_close(crowd.mels[1:2], guided.mels, atol=5e-3, rtol=0)
    torch.testing.assert_close(crowd.mels[2:3], unguided.mels, atol=5e-3, rtol=0)
    assert np.abs(guided.mels - unguided.mels).max() > 0.1


def test_samplers_and_grids_are_really_chosen(generator: SpeechGenerator) -> None:
    names = [(sampler, "uniform") for sampler in SAMPLERS]
    names += [("euler-maruyama", grid) for grid in TIME_GRIDS if grid != "uniform"]
    mels = [
        generator.generate("no", seeds=7, steps=4, sampler=sampler, grid=grid).mels
        for sampler, grid in names
    ]
    for k, one in enumerate(mels):
        assert all(np.abs(one - other).max() > 1e-3 for other in mels[:k])


WAYS: list[dict[str, Any]] = [
    *({"schedule": name} for name in GUIDANCE_SCHEDULES),
    {"schedule": guidance_schedule("interval", low=0.6, high=0.8)},
    {"clamp": 0.05},
    {"renormalise": True},
    {"schedule": "adaptive", "clamp": 0.05, "renormalise": True},
]


@pytest.mark.parametrize("way", WAYS, ids=[f"way{k}" for k in range(len(WAYS))])
def test_every_way_of_guiding_leaves_the_unconditional_items_alone(
    generator: SpeechGenerator, way: dict[str, Any]
) -> None:
    none = generator.generate("none", seeds=3, steps=4)
    mixed = generator.generate(["stop", "none"], seeds=[3, 3], steps=4, **way)
    torch.testing.assert_close(mixed.mels[1:], none.mels, atol=1e-4, rtol=0)
    assert np.abs(mixed.mels[0] - none.mels[0]).max() > 1e-4


def test_the_ways_of_guiding_differ(generator: SpeechGenerator) -> None:
    mels = [generator.generate("stop", seeds=3, guidance=20.0, steps=4, **way).mels for way in WAYS]
    for k, one in enumerate(mels):
        assert all(np.abs(one - other).max() > 1e-4 for other in mels[:k])


def test_no_class_gradient_is_computed_outside_the_interval(
    tmp_path: Path,
    make_score_model: Callable[..., ScoreModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Times 1, 0.75, 0.5 and 0.25: a model without gradient taps differentiates at 0.5 alone."""
    model = make_score_model("v", classes=len(LABELS), gradient_taps=False)
    file = ModelFile(model.backbone.classifier, LABELS, model.sde, MelSettings(), model.subnet, "v")
    save_model(file, tmp_path / "model.safetensors")
    generator = SpeechGenerator.from_pretrained(tmp_path, batch_size=2)
    calls: list[int] = []

    def counted(*args: Any) -> object:
        calls.append(1)
        return record(*args)

    monkeypatch.setattr("scoresubnet.backbone.record", counted)

    def backward_passes(schedule: Schedule) -> int:
        calls.clear()
        generator.generate(["yes", "none"], steps=4, schedule=schedule)
        return len(calls)

    assert backward_passes("constant") == 4
    assert backward_passes(guidance_schedule("interval", low=0.4, high=0.6)) == 1
    assert backward_passes(guidance_schedule("interval", low=0.8, high=0.9)) == 0


def test_a_preset_is_its_settings_and_what_is_given_wins(generator: SpeechGenerator) -> None:
    labels, seeds = ["yes", "none"], [3, 4]
    fast = generator.generate(labels, seeds, steps=4, sampling="fast")
    interval = "interval:low=0,high=0.7"
    settings: dict[str, Any] = {"sampler": "dpmpp-2m-sde", "grid": "uniform", "schedule": interval}
    same = generator.generate(labels, seeds, "paper", guidance=3.0, steps=4, **settings)
    made = Sampling("dpmpp-2m-sde", 4, "uniform", 3.0, interval)
    paper = generator.generate(labels, seeds, steps=4, sampling="paper")
    assert np.array_equal(fast.mels, same.mels)
    assert np.array_equal(fast.mels, generator.generate(labels, seeds, made).mels)
    assert np.abs(fast.mels - paper.mels).max() > 1e-3
    written = generator.generate(labels, seeds, steps=4, schedule="interval:low=0.6,high=0.8")
    schedule = guidance_schedule("interval", low=0.6, high=0.8)
    given = generator.generate(labels, seeds, steps=4, schedule=schedule)
    assert np.array_equal(written.mels, given.mels)


def test_what_the_weights_recommend_is_the_default(weights: Path) -> None:
    file = load_model(weights)
    assert SpeechGenerator.from_pretrained(weights).sampling == SAMPLING_PRESETS["fast"]
    file.sampling = Sampling("ddim", 3, "karras", 2.0, "linear", 0.5, True)
    save_model(file, weights / "model.safetensors")
    generator = SpeechGenerator.from_pretrained(weights)
    assert generator.check(["yes"], [0]) == file.sampling
    assert generator.check(["yes"], [0], steps=4) == replace(file.sampling, steps=4)
    assert generator.check(["yes"], [0], "paper") == SAMPLING_PRESETS["paper"]
    found = generator.generate("yes", seeds=3)
    assert np.array_equal(found.mels, generator.generate("yes", 3, file.sampling).mels)
    assert np.abs(found.mels - generator.generate("yes", 3, "fast").mels).max() > 1e-3


@pytest.mark.parametrize(
    "key",
    [
        *("words18-small seven 0", "words18-small none 1", "words18-paper happy 2"),
        "arabic16-small نعم 3",
    ],
)
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_shipped_weights_give_the_sounds_that_they_always_gave(backend: str, key: str) -> None:
    """Kept in float16 (5e-4 at most), and sums are rounded otherwise elsewhere (about 1e-3)."""
    weights, label, seed = key.split()
    kept = safetensors.torch.load_file(Path(__file__).parent / "data" / "log_mels.safetensors")
    generator = SpeechGenerator.from_pretrained(weights, backend=backend)
    speech = generator.generate(label, int(seed), sampling="fast")
    torch.testing.assert_close(speech.mels[0, 0], kept[key].float().numpy(), atol=1.5e-3, rtol=0)


def test_shipped_weights_say_how_they_are_sampled() -> None:
    """Ten steps lose words of the paper's size: see its page."""
    small = Sampling("dpmpp-2m-sde", 16, "quadratic", 3.0, "constant")
    expected = {"words18-small": small, "words18-paper": SAMPLING_PRESETS["paper"]}
    expected["arabic16-small"] = small
    assert {name: load_model(name).sampling for name in shipped_weights()} == expected


def test_progress_is_told_of_every_step(generator: SpeechGenerator) -> None:
    seen: list[tuple[int, int]] = []
    generator.batch_size = 2
    generator.generate(["yes"] * 3, steps=5, progress=lambda done, all_: seen.append((done, all_)))
    assert seen == [(k, 10) for k in range(1, 11)]


@pytest.mark.parametrize(("free", "batches"), [(None, [5]), (0.0, [1] * 5)])
def test_the_batch_fits_into_memory(
    generator: SpeechGenerator,
    monkeypatch: pytest.MonkeyPatch,
    free: float | None,
    batches: list[int],
) -> None:
    monkeypatch.setattr(generator, "_memory", lambda: (1.0, free))
    seen: list[int] = []
    real = generator._noise

    def noise(seeds: list[int]) -> Noise:
        seen.append(len(seeds))
        return real(seeds)

    monkeypatch.setattr(generator, "_noise", noise)
    generator.generate(["yes", "no", "stop", "yes", "none"], steps=1)
    assert seen == batches


def test_seeds_default_to_0_1_2(generator: SpeechGenerator) -> None:
    assert generator.generate(["yes", "no"], steps=1).seeds == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": "yess"}, "unknown label 'yess'.*know: yes"),
        ({"labels": "stopp"}, "know: stop, "),
        ({"labels": []}, "no label"),
        ({"labels": ["yes"], "seeds": [1, 2]}, "1 labels.* 2 seeds"),
        ({"labels": ["yes"], "seeds": []}, "0 seeds"),
        ({"labels": "yes", "seeds": -1}, "seed -1 .*between 0 and"),
        ({"labels": "yes", "seeds": True}, "seed True .*whole number"),
        ({"labels": "yes", "seeds": 3.7}, "seed 3.7 .*whole number"),
        ({"labels": "yes", "seeds": np.array([True])}, "seed True .*whole number"),
        ({"labels": "yes", "seeds": torch.tensor(True)}, "seed True .*whole number"),
        ({"labels": "yes", "seeds": torch.tensor([3.0])}, "seed 3.0 .*whole number"),
        ({"labels": "yes", "seeds": "3"}, "seed 3 .*whole number"),
        ({"labels": "yes", "steps": True}, "steps True .*whole number"),
        ({"labels": "yes", "seeds": 2**32}, "between 0 and 4294967295"),
        ({"labels": "yes", "guidance": -0.1}, "guidance -0.1 .*between 0 and 100"),
        ({"labels": "yes", "guidance": float("nan")}, "guidance nan"),
        ({"labels": "yes", "guidance": 100.5}, "between 0 and 100"),
        ({"labels": "yes", "steps": 0}, "steps 0 .*between 1 and 10000"),
        ({"labels": "yes", "steps": 10_001}, "between 1 and 10000"),
        ({"labels": "yes", "sampler": "heum"}, "unknown sampler 'heum'; .*: heun, .*euler-m"),
        ({"labels": "yes", "grid": "karas"}, "unknown time grid 'karas'; .*: karras, .*uniform"),
        ({"labels": "yes", "schedule": "cosin"}, "unknown guidance schedule 'cosin'; .*: cosine"),
        (
            {"labels": "yes", "schedule": guidance_schedule("interval", low=0.9, high=0.1)},
            "low 0.9, high 0.1",
        ),
        ({"labels": "yes", "sampling": "fsat"}, "unknown sampling preset 'fsat'; .*: fast, paper"),
        ({"labels": "yes", "sampling": 3.0}, "neither a name nor a Sampling; give guidance"),
        ({"labels": "yes", "gridd": "karras"}, "unknown sampling setting 'gridd'; .*: grid, "),
        ({"labels": "yes", "clamp": 0.0}, "clamp 0.0 is out of range"),
        ({"labels": "yes", "clamp": float("nan")}, "clamp nan is out of range"),
    ],
)
def test_what_cannot_be_generated_is_refused(
    generator: SpeechGenerator, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generator.generate(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "seeds",
    [
        np.array([4, 5]),
        np.array([4, 5], dtype=np.uint8),
        torch.tensor([4, 5]),
        [np.int32(4), torch.tensor(5)],
        range(4, 6),
        lambda: iter([4, 5]),
    ],
)
def test_seeds_are_integers_of_any_kind(generator: SpeechGenerator, seeds: Any) -> None:
    expected = generator.generate(["yes", "no"], [4, 5], steps=1)
    seeds = seeds() if callable(seeds) else seeds
    found = generator.generate(np.array(["yes", "no"]), seeds, steps=np.int64(1))  # type: ignore[arg-type]
    assert np.array_equal(found.mels, expected.mels)
    assert json.dumps([found.labels, found.seeds]) == json.dumps([["yes", "no"], [4, 5]])


@pytest.mark.parametrize("seed", [np.int64(4), np.array(4), torch.tensor(4), torch.tensor([4])])
def test_one_seed_may_be_of_any_kind(generator: SpeechGenerator, seed: Any) -> None:
    assert generator.generate(np.str_("yes"), seed, steps=1).seeds == (4,)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "2"])
def test_a_batch_size_out_of_range_says_so(generator: SpeechGenerator, size: Any) -> None:
    message = f"batch_size {size} is out of range; it is a whole number of at least 1"
    with pytest.raises(ValueError, match=message):
        SpeechGenerator.from_pretrained(batch_size=size)
    with pytest.raises(ValueError, match=message):
        generator.batch_size = size
    generator.batch_size = np.int64(2)  # type: ignore[assignment]
    assert generator.batch_size == 2


def test_an_unknown_vocoder_is_refused(weights: Path) -> None:
    with pytest.raises(ValueError, match="griffin-lim"):
        SpeechGenerator.from_pretrained(weights, vocoder="grifin-lim")


def test_a_stream_gives_the_same_words_and_holds_a_batch_at_a_time(weights: Path) -> None:
    generator = SpeechGenerator.from_pretrained(weights, batch_size=2)
    labels, seeds = ["yes", "no", "none", "stop", "yes"], [4, 5, 6, 7, 8]
    whole = generator.generate(labels, seeds, steps=2)
    counts: list[tuple[int, int]] = []
    held: list[weakref.ref[Floats]] = []
    found: list[Floats] = []
    for speech in generator.stream(labels, seeds, None, lambda *n: counts.append(n), steps=2):
        held.append(weakref.ref(speech.mels))
        found.append(speech.audio.copy())
        assert len(speech.labels) == len(speech.seeds) == len(speech.heard) == len(speech.audio)
        del speech
        assert held[-1]() is None
    assert np.array_equal(np.concatenate(found), whole.audio)
    assert counts == [(k, 6) for k in range(1, 7)]
    with pytest.raises(ValueError, match="unknown label"):
        generator.stream("maybe")  # before the first batch is asked for


def test_a_stream_leaves_the_caller_as_it_was_between_two_batches(weights: Path) -> None:
    generator = SpeechGenerator.from_pretrained(weights, batch_size=1)
    torch.set_default_dtype(torch.float64)
    try:
        dtypes = [
            (torch.zeros(1).dtype, torch.is_grad_enabled(), speech.mels.dtype)
            for speech in generator.stream(["yes", "no"], steps=1)
        ]
    finally:
        torch.set_default_dtype(torch.float32)
    assert dtypes == [(torch.float64, True, np.dtype(np.float32))] * 2
