from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from scoresubnet.networks.blocks import ResBlock, group_norm
from scoresubnet.networks.layers_by_kernels import norm_silu as recorded_norm_silu
from scoresubnet.networks.layouts import is_slow_for_group_norm, norm_silu

LAYOUTS = [torch.channels_last, torch.contiguous_format]


def image(layout: torch.memory_format, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    x = torch.randn(3, 16, 6, 4, generator=torch.Generator().manual_seed(seed))
    return x.to(dtype).contiguous(memory_format=layout)


@pytest.fixture
def norm(fill: Callable[..., Any]) -> torch.nn.GroupNorm:
    return fill(group_norm(16))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_gradients_are_those_of_float64(norm, layout, dtype) -> None:
    x, g = image(layout, dtype).requires_grad_(), image(layout, dtype, seed=1)
    exact = x.detach().double().requires_grad_()
    expected = F.silu(F.group_norm(exact, 4, norm.weight.double(), norm.bias.double(), norm.eps))
    (slope,) = torch.autograd.grad(expected, exact, g.double())
    y = norm_silu(norm, x)
    found, _ = torch.autograd.grad(y, [x, norm.weight], g)
    again, back = recorded_norm_silu(norm, x.detach())
    close = 0.02 if dtype == torch.bfloat16 else 1e-5
    for a, b in ((y, expected), (found, slope), (again, expected), (back(g), slope)):
        assert a.dtype == dtype
        torch.testing.assert_close(a, b.to(dtype), rtol=close, atol=close)
        assert a.is_contiguous(memory_format=layout)


def test_the_way_back_takes_several_functions_at_once(norm) -> None:
    x = image(torch.channels_last, torch.bfloat16)
    g = [image(torch.channels_last, torch.bfloat16, seed) for seed in (1, 2)]
    _, back = recorded_norm_silu(norm, x)
    assert torch.equal(back(torch.cat(g)), torch.cat([back(one) for one in g]))


def test_the_slow_layout_is_that_of_bfloat16_alone() -> None:
    slow = [
        (layout, dtype)
        for layout in LAYOUTS
        for dtype in (torch.float32, torch.bfloat16)
        if is_slow_for_group_norm(image(layout, dtype))
    ]
    assert slow == [(torch.channels_last, torch.bfloat16)]


def test_group_norm_never_sees_the_slow_layout(fill, monkeypatch) -> None:
    block = fill(ResBlock(16, 16, time_dim=5)).to(memory_format=torch.channels_last)
    seen = []
    real = torch.nn.GroupNorm.forward

    def forward(self: torch.nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
        seen.append(is_slow_for_group_norm(x))
        return real(self, x)

    monkeypatch.setattr(torch.nn.GroupNorm, "forward", forward)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        block(image(torch.channels_last, torch.bfloat16), torch.randn(3, 5)).sum().backward()
    assert seen == [False, False]
