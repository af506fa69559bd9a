"""`trained`: the trainings that a command would have begun."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `train` would have been called with."""
    import scoresubnet.commands.train as command

    calls: list[Any] = []
    monkeypatch.setattr(command, "train_classifier", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_score", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_unet", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_vocoder", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "train_evaluator", lambda *a: calls.append(a))
    monkeypatch.setattr(command, "keep_freed_memory", lambda: None)
    return calls
