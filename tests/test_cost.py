"""Costs against counts on paper, and the presets against the paper's table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from scoresubnet.cost import (
    Cost,
    count_gmacs,
    count_parameters,
    model_cost,
    peak_mib,
    preset_costs,
)
from scoresubnet.model import UNetModel
from scoresubnet.networks.unet import UNet
from scoresubnet.sde import VPSDE
from tests.pages import ROOT


def test_gmacs_of_a_convolution_and_of_its_backward_pass() -> None:
    conv = nn.Conv2d(4, 8, 3, padding=1)
    x = torch.randn(1, 4, 10, 12)
    macs = 8 * 4 * 9 * 10 * 12
    with torch.no_grad():
        assert count_gmacs(lambda: conv(x)) == pytest.approx(macs / 1e9)
    conv.requires_grad_(False)

    def with_input_gradient() -> None:
        y = x.clone().requires_grad_()
        torch.autograd.grad(conv(y).sum(), y)

    assert count_gmacs(with_input_gradient) == pytest.approx(2 * macs / 1e9)


def test_gmacs_count_attention() -> None:
    q = torch.randn(1, 2, 80, 32)
    attention = nn.functional.scaled_dot_product_attention
    assert count_gmacs(lambda: attention(q, q, q)) == pytest.approx(2 * 2 * 80 * 80 * 32 / 1e9)


def test_peak_memory_counts_what_is_alive_at_once() -> None:
    mib = 2**18  # float32 elements of 1 MiB

    def step() -> None:
        a = torch.zeros(mib)
        b = a + 1  # two alive
        del a
        c = b * 2  # two alive again
        del b, c
        torch.zeros(mib).view(2, -1).add_(1)  # in place, and a view: one

    assert peak_mib(step) == pytest.approx(2)


# Paper: parameters total and trainable in M, GMACs of a step unconditional and guided.
PAPER = {
    "Score Subnet": (12.3, 4.4, 12.07, 16.44),
    "Score Subnet, no gradient taps": (11.9, 4.0, 7.71, 11.50),
    "U-Net (guided: + classifier)": (24.5, 16.6, 14.56, 22.74),
}


@pytest.fixture(scope="module")
def paper() -> dict[str, Cost]:
    return preset_costs("paper")


@pytest.fixture(scope="module")
def small() -> dict[str, Cost]:
    return preset_costs("small")


def test_the_paper_preset_has_the_papers_sizes(paper: dict[str, Cost]) -> None:
    assert paper.keys() == PAPER.keys()
    for name, (total, trainable, unconditional, guided) in PAPER.items():
        cost = paper[name]
        assert cost.parameters / 1e6 == pytest.approx(total, rel=0.03), name
        assert cost.trainable / 1e6 == pytest.approx(trainable, rel=0.03), name
        assert cost.unconditional_gmacs == pytest.approx(unconditional, rel=0.10), name
        assert cost.guided_gmacs == pytest.approx(guided, rel=0.10), name
    classifier = paper["Score Subnet"].parameters - paper["Score Subnet"].trainable
    assert classifier / 1e6 == pytest.approx(7.9, rel=0.03)


def test_pages_tell_the_costs_as_they_are(paper: dict[str, Cost], small: dict[str, Cost]) -> None:
    using = (ROOT / "docs/using.md").read_text(encoding="utf-8")
    results = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    for preset, costs in (("paper", paper), ("small", small)):
        for name, cost in costs.items():
            size = f"{cost.parameters / 1e6:.2f} [{cost.trainable / 1e6:.2f}]"
            steps = (f"{cost.unconditional_gmacs:.2f}", f"{cost.guided_gmacs:.2f}")
            memory = f"{cost.unconditional_mib:.1f} | {cost.guided_mib:.1f}"
            assert f"| {preset} | {size} | {steps[0]} | {steps[1]} | {memory} |" in using, name
            if preset == "paper":
                total, trainable, unconditional, guided = PAPER[name]
                theirs = (f"{total} [{trainable}]", f"{unconditional:.2f}", f"{guided:.2f}")
                row = (size, theirs[0], steps[0], theirs[1], steps[1], theirs[2])
                assert f"| {' | '.join(row)} |" in results, name


def test_the_small_preset_fits_a_cpu(small: dict[str, Cost]) -> None:
    cost = small["Score Subnet"]
    assert cost.parameters <= 3.5e6
    assert cost.unconditional_gmacs <= 0.5


def test_gradient_taps_cost_the_backward_pass(small: dict[str, Cost]) -> None:
    bare, full = small["Score Subnet, no gradient taps"], small["Score Subnet"]
    assert full.guided_gmacs is not None
    backward = full.guided_gmacs - full.unconditional_gmacs
    assert full.unconditional_gmacs - bare.unconditional_gmacs > 0.9 * backward
    assert full.unconditional_mib > bare.unconditional_mib


def test_count_parameters_adds_modules() -> None:
    assert count_parameters(nn.Linear(3, 4), nn.Linear(2, 1, bias=False)) == 16 + 2


def test_a_u_net_that_guides_itself_takes_twice_the_steps(
    make_unet: Callable[..., UNet],
) -> None:
    model = UNetModel(make_unet(label_conditioned=True), VPSDE(), "v")
    cost = model_cost(model, (80, 64))
    assert cost.guided_gmacs == pytest.approx(2 * cost.unconditional_gmacs)
    assert cost.parameters == cost.trainable
    alone = model_cost(UNetModel(make_unet(), VPSDE(), "v"), (80, 64))
    assert alone.unconditional_gmacs == pytest.approx(cost.unconditional_gmacs)
    assert (alone.guided_gmacs, alone.guided_mib) == (None, None)


def test_an_unknown_preset_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match="paper, small"):
        preset_costs("large")
