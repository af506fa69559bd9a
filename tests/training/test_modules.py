import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.audio.mel import MelSettings
from scoresubnet.losses import Network, classifier_loss, dsm_loss
from scoresubnet.model import ScoreModel
from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.training.classifier import ACCURACY_TIMES, ClassifierModule
from scoresubnet.training.config import (
    AugmentConfig,
    ClassifierTraining,
    OptimiserConfig,
    ScoreTraining,
    TimesConfig,
)
from scoresubnet.training.denoising import DenoisingModule
from scoresubnet.training.modules import NoisyTraining, rate_at

MakeClassifier = Callable[..., ClassifierTraining]
Batch = tuple[Tensor, Tensor, Tensor]


def recorded(module: NoisyTraining, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What the module logs, instead of Lightning."""
    log: dict[str, float] = {}
    monkeypatch.setattr(
        module, "log", lambda name, value, **kwargs: log.__setitem__(name, value.detach().item())
    )
    return log


def test_rate_rises_stays_and_falls() -> None:
    """100 steps, 10 of warm-up, the last 40 of decay: by hand."""
    config = OptimiserConfig(warmup=10, decay_share=0.4)
    rates = [rate_at(step, config, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[9:61] == [1.0] * 52
    assert rates[60:] == pytest.approx([1 - n / 40 for n in range(40)])
    assert rate_at(100, config, 100) == rate_at(150, config, 100) == 0


def test_rate_without_warmup_or_decay() -> None:
    config = OptimiserConfig(warmup=0, decay_share=0.0)
    assert [rate_at(step, config, 50) for step in (0, 1, 25, 49)] == [1, 1, 1, 1]


def test_rate_never_vanishes_before_the_end() -> None:
    """Also if warm-up and decay overlap, as in a run of a few steps."""
    for warmup, decay_share, steps in ((200, 0.4, 4), (3, 1.0, 4), (1, 0.01, 7)):
        config = OptimiserConfig(warmup=warmup, decay_share=decay_share)
        assert all(0 < rate_at(step, config, steps) <= 1 for step in range(steps))


@pytest.fixture
def module(classifier_run: MakeClassifier) -> ClassifierModule:
    torch.manual_seed(0)
    return ClassifierModule(classifier_run(augment=AugmentConfig(shift=0)), 3, MelSettings())


def test_losses_are_logged_by_quarter_of_the_noise(
    module: ClassifierModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = recorded(module, monkeypatch)
    losses = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    module.log_quarters("train", losses, torch.tensor([0.0, 0.249, 0.25, 0.5, 0.9, 1.0]))
    assert log == {
        "train/loss": 10.5,
        "train/loss_q1": 1.5,
        "train/loss_q2": 4.0,
        "train/loss_q3": 8.0,
        "train/loss_q4": 24.0,
    }
    log.clear()
    module.log_quarters("valid", losses[:1], torch.tensor([0.6]))
    assert log == {"valid/loss": 1.0, "valid/loss_q3": 1.0}


def test_noise_and_times_of_a_step(
    module: ClassifierModule, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same step draws the same, another step something else; the clean data stay."""
    x, _, labels = batch
    draws = []
    for step in (0, 0, 1):
        monkeypatch.setattr(type(module), "global_step", step)
        x0, y, noise, t = module.noisy((x, labels))
        assert torch.equal(x0, x)
        assert torch.equal(y, labels)
        assert noise.shape == x.shape
        assert ((t >= 1e-3) & (t < 1)).all()
        draws.append((noise, t))
    assert torch.equal(draws[0][0], draws[1][0])
    assert torch.equal(draws[0][1], draws[1][1])
    assert not torch.equal(draws[0][0], draws[2][0])
    assert not torch.equal(draws[0][1], draws[2][1])


def test_times_and_augmentation_are_those_of_the_config(
    classifier_run: MakeClassifier, batch: Batch
) -> None:
    x, _, _ = batch
    many = x[:1].expand(400, -1, -1, -1), torch.zeros(400, dtype=torch.long)
    times = TimesConfig("logit_normal", centre=0.2, spread=0.1, uniform_share=0.0)
    config = classifier_run(augment=AugmentConfig(shift=5), times=times)
    x0, _, _, t = ClassifierModule(config, 3, MelSettings()).noisy(many)
    assert not torch.equal(x0, many[0])
    assert float(t.median()) == pytest.approx(0.2, abs=0.01)
    assert float(t.max()) < 0.3


def test_classifier_step_is_the_mean_cross_entropy_of_noisy_inputs(
    module: ClassifierModule, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _, labels = batch
    log = recorded(module, monkeypatch)
    x0, _, noise, t = module.noisy((x, labels))
    alpha, sigma = (f(t).reshape(3, 1, 1, 1) for f in (module.sde.alpha, module.sde.sigma))
    expected = classifier_loss(module.network(alpha * x0 + sigma * noise, t), labels).mean()
    loss = module.training_step((x, labels), 0)
    torch.testing.assert_close(loss, expected)
    assert log["train/loss"] == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    assert all(p.grad is not None for p in module.network.parameters())


def test_dropout_is_a_function_of_the_step(
    classifier_run: MakeClassifier,
    tiny: ClassifierConfig,
    fill: Callable[..., ClassifierModule],
    batch: Batch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same units fall out at the same step, others at the next; global state is left alone."""
    config = classifier_run(network=dataclasses.replace(tiny, dropout=0.5))
    module = fill(ClassifierModule(config, 3, MelSettings()))
    recorded(module, monkeypatch)
    x, t, labels = batch
    monkeypatch.setattr(module, "noisy", lambda batch: (x, labels, torch.zeros_like(x), t))
    losses = []
    for step in (0, 1, 0):
        monkeypatch.setattr(type(module), "global_step", step)
        before = torch.random.get_rng_state()
        losses.append(module.training_step((x, labels), 0).item())
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.rand(3)
    assert losses[0] == losses[2] != losses[1]


def test_validation_of_the_classifier_repeats_and_is_right(
    module: ClassifierModule, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same noise each time; a classifier that knows the answer is always right."""
    x, _, labels = batch
    log = recorded(module, monkeypatch)
    with torch.no_grad():
        module.validation_step((x, labels), 0)
        first = dict(log)
        module.validation_step((x, labels), 0)
    assert log == first
    each = {f"valid/{m}_t{t:g}" for t in ACCURACY_TIMES for m in ("accuracy", "loss")}
    assert log.keys() == {*each, "valid/loss"}
    losses = [log[f"valid/loss_t{t:g}"] for t in ACCURACY_TIMES]
    assert log["valid/loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    oracle = 20.0 * torch.nn.functional.one_hot(torch.tensor([2, 0, 0]), 3)
    monkeypatch.setattr(module.network, "forward", lambda x, t: oracle)
    module.validation_step((x, labels), 0)
    assert log["valid/accuracy_t0.5"] == pytest.approx(2 / 3)
    assert log["valid/loss_t0.5"] == pytest.approx(20 / 3, rel=1e-4)


@pytest.fixture
def score_module(
    score_run: Callable[..., ScoreTraining], make_score_model: Callable[..., ScoreModel]
) -> DenoisingModule:
    return DenoisingModule(
        score_run(augment=AugmentConfig(shift=0)), make_score_model("v"), MelSettings(), range(3)
    )


def test_score_step_is_the_mean_dsm_loss(
    score_module: DenoisingModule, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _, labels = batch
    recorded(score_module, monkeypatch)
    x0, _, noise, t = score_module.noisy((x, labels))
    expected = dsm_loss(score_module.model, x0, noise, t, score_module.sde, "v").mean()
    loss = score_module.training_step((x, labels), 0)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_label_taps_are_trained_with_the_labels_of_the_classifier(
    dropout: float,
    score_run: Callable[..., ScoreTraining],
    make_score_model: Callable[..., ScoreModel],
    batch: Batch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, _, labels = batch
    model = make_score_model("v", label_taps=True)
    module = DenoisingModule(score_run(label_dropout=dropout), model, MelSettings(), [2, 0, 1])
    recorded(module, monkeypatch)
    x0, _, noise, t = module.noisy((x, labels))
    told = torch.tensor([2, 0, 1])[labels] if dropout == 0 else torch.full_like(labels, -1)
    expected = dsm_loss(partial(model, labels=told), x0, noise, t, module.sde, "v").mean()
    torch.testing.assert_close(module.training_step((x, labels), 0), expected)
    guessed = dsm_loss(partial(model, labels=labels), x0, noise, t, module.sde, "v").mean()
    assert (guessed - expected).abs() > 1e-4


def test_digital_silence_can_be_left_out_of_the_loss(
    score_run: Callable[..., ScoreTraining],
    make_score_model: Callable[..., ScoreModel],
    batch: Batch,
) -> None:
    x = batch[0].clamp(-0.9, 1)
    x[:, :, 40:] = -1
    noise, t = torch.randn(x.shape, generator=torch.Generator().manual_seed(3)), batch[1]
    model = make_score_model("v")
    module = DenoisingModule(score_run(skip_silence=True), model, MelSettings(), range(3))
    with torch.no_grad():
        heard = torch.zeros(x.shape, dtype=torch.bool)
        heard[:, :, :38] = True  # but for the bins next to silence
        expected = dsm_loss(model, x, noise, t, model.sde, "v", heard)
        torch.testing.assert_close(module.loss(model, x, noise, t), expected)


def test_validation_of_the_score_covers_the_range_of_times(
    score_module: DenoisingModule, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = batch[0].repeat(3, 1, 1, 1)[:8]
    times: list[Tensor] = []
    real = score_module.loss

    def loss(network: Network, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        times.append(t)
        return real(network, x0, noise, t)

    monkeypatch.setattr(score_module, "loss", loss)
    log = recorded(score_module, monkeypatch)
    with torch.no_grad():
        score_module.validation_step((x, torch.zeros(8, dtype=torch.long)), 0)
    assert float(times[0].min()) == pytest.approx(score_module.sde.t_eps)
    assert float(times[0].max()) == pytest.approx(1, abs=1e-5)
    assert log["valid/loss"] == pytest.approx(
        sum(log[f"valid/loss_q{q}"] for q in (1, 2, 3, 4)) / 4, rel=1e-5
    )


@pytest.mark.parametrize("which", ["module", "score_module"])
def test_optimiser_decays_weights_only_and_leaves_the_frozen_alone(
    which: str, request: pytest.FixtureRequest
) -> None:
    module: NoisyTraining = request.getfixturevalue(which)
    made: dict[str, Any] = module.configure_optimizers()
    decayed, plain = made["optimizer"].param_groups
    assert decayed["weight_decay"] == module.optimiser_config.weight_decay > 0
    assert plain["weight_decay"] == 0
    assert all(p.dim() > 1 for p in decayed["params"])
    assert all(p.dim() <= 1 for p in plain["params"])
    given = [id(p) for p in [*decayed["params"], *plain["params"]]]
    assert len(given) == len(set(given))
    frozen = {id(p) for p in getattr(module, "model", module).parameters() if not p.requires_grad}
    assert set(given) == {id(p) for p in module.parameters()} - frozen
    assert bool(frozen) == (which == "score_module")
    assert made["lr_scheduler"]["interval"] == "step"


def test_learning_rate_follows_the_schedule(module: ClassifierModule) -> None:
    made: dict[str, Any] = module.configure_optimizers()
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(4):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    config = module.optimiser_config
    expected = [config.learning_rate * rate_at(step, config, 4) for step in range(4)]
    assert rates == pytest.approx(expected)
