from types import SimpleNamespace
from typing import Any

import lightning
import pytest
import torch

from scoresubnet.training.callbacks import (
    MovingAverage,
    StopCleanly,
    decay_at,
)


def test_budget_counts_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    stop, trainer = StopCleanly(minutes=2), SimpleNamespace(should_stop=False)
    for clock[0], ends in ((150.0, False), (219.0, False), (221.0, True)):
        stop.on_train_batch_end(trainer)  # type: ignore[arg-type]
        assert trainer.should_stop == ends
    assert stop.reason == "the budget of 2 minutes is used up"


def test_no_budget_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, trainer = StopCleanly(), SimpleNamespace(should_stop=False)
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    stop.on_train_batch_end(trainer)  # type: ignore[arg-type]
    assert not trainer.should_stop
    assert stop.reason is None


def test_decay_grows_to_its_limit() -> None:
    assert decay_at(0, 0.999) == pytest.approx(0.1)
    assert decay_at(90, 0.999) == pytest.approx(0.91)
    assert decay_at(90, 0.5) == 0.5
    assert decay_at(10**6, 0.999) == 0.999


class _Weights(lightning.LightningModule):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.moving = torch.nn.Parameter(torch.tensor([value]))
        self.frozen = torch.nn.Parameter(torch.tensor([0.1, 1 / 3]), requires_grad=False)


def test_moving_average_is_the_weighted_sum_of_all_weights() -> None:
    """The first weights are copied; then a <- d a + (1 - d) w, with d from `decay_at`."""
    module, callback = _Weights(0.0), MovingAverage(0.9)
    callback.setup(SimpleNamespace(), module, "fit")  # type: ignore[arg-type]
    expected = 0.0
    for step, value in enumerate([2.0, -1.0, 5.0, 3.0] + 100 * [1.5], start=1):
        with torch.no_grad():
            module.moving.fill_(value)
        trainer: Any = SimpleNamespace(global_step=step)
        callback.on_train_batch_end(trainer, module, None, None, 0)
        decay = 0.0 if step == 1 else decay_at(step - 1, 0.9)
        expected = decay * expected + (1 - decay) * value
    callback.on_train_end(SimpleNamespace(), module)  # type: ignore[arg-type]
    assert module.moving.item() == pytest.approx(expected, rel=1e-4)
    assert torch.equal(module.frozen, torch.tensor([0.1, 1 / 3]))
