"""The former command of the card asks an evaluation for what it used to make."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoresubnet.evaluation.run import Evaluation
from scoresubnet.experiments.words18_card import main


def test_every_option_reaches_the_evaluation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Evaluation] = []

    def keep(self: Evaluation) -> None:
        asked.append(self)

    monkeypatch.setattr(Evaluation, "run", keep)
    given = ["--weights", "w", "--data", "d", "--out", "o", "--count", "4", "--seed0", "7"]
    assert main([*given, "--guidance", "2", "--steps", "30"]) == 0
    (evaluation,) = asked
    (system,) = evaluation.systems
    assert (system.weights, system.sampling) == ("w", "paper")
    assert dict(system.overrides) == {"guidance": 2, "steps": 30}
    assert (evaluation.count, evaluation.seed, evaluation.vocoder) == (4, 7, "griffin-lim")
    assert (Path(evaluation.reference), evaluation.out) == (Path("d/speech_commands"), Path("o"))
    assert "goes with the next release" in capsys.readouterr().err
