import json
from pathlib import Path

import pytest

from benchmarks.peak import convolution_peak
from benchmarks.profile_step import KINDS, kind_of, main, shares


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("aten::mkldnn_convolution", "convolution"),
        ("aten::convolution_backward", "convolution, backward"),
        ("aten::_slow_conv2d_forward", "convolution"),
        ("aten::silu_backward", "activation"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "attention"),
        ("autograd::engine::evaluate_function: SiluBackward0", "autograd"),
        ("aten::linspace", "other"),
    ],
)
def test_operators_have_their_kind(operator: str, kind: str) -> None:
    assert kind_of(operator) == kind


def test_no_operator_is_of_two_kinds() -> None:
    names = [name for names in KINDS.values() for name in names]
    assert len(set(names)) == len(names)


def test_shares_add_up_to_one_and_the_largest_is_first() -> None:
    found = shares({"aten::add": 10.0, "aten::silu": 20.0, "aten::mul": 30.0}, 100.0)
    assert found == pytest.approx(
        {"elementwise": 0.4, "Python and dispatch": 0.4, "activation": 0.2}
    )
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_peak_is_measured() -> None:
    assert 0.01 < convolution_peak(1e-6, [(1, 16, 20, 16)]) < 1e5


def test_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.peak.convolution_peak", lambda seconds: 50.0)
    out = tmp_path / "profile.json"
    arguments = ["--presets", "tiny", "--batches", "2", "--seconds", "0.01", "--out", str(out)]
    assert main(arguments) == 0
    (row,) = json.loads(out.read_text())["steps"]
    assert row["batch"] == 2
    assert row["share_of_peak"] == pytest.approx(row["gmacs"] / row["step_ms"] * 1e3 / 50)
    assert sum(row["shares"].values()) == pytest.approx(1, abs=0.02)
    assert row["shares"]["convolution"] > 0
    assert row["shares"]["convolution, backward"] > 0
    assert "convolution peak: 50 GMACs" in capsys.readouterr().out
