"""`scoresubnet info`, of weights and of presets."""

from __future__ import annotations

import json

import pytest

from scoresubnet.cli import main


def test_info_of_a_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "small", "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)["costs"]
    assert costs["Score Subnet"]["parameters"] > costs["Score Subnet"]["trainable"] > 1e6
    assert main(["info", "small"]) == 0
    total = f"{costs['Score Subnet']['parameters'] / 1e6:.2f}"
    assert total in capsys.readouterr().out


def test_info_of_weights(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", weights, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["labels"] == ["yes", "no"]
    assert (report["aliases"], report["predicts"], report["sampling"]) == ({}, "v", None)
    assert report["costs"]["Score Subnet"]["guided_gmacs"] > 0
    assert main(["info", weights]) == 0
    printed = capsys.readouterr().out
    assert "labels: yes, no" in printed
    assert "aliases" not in printed
    assert "sampling: not stated, so fast" in printed


def test_info_of_neither(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "medium"]) == 1
    assert "presets: paper, small" in capsys.readouterr().err
