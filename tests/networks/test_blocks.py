import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from scoresubnet.networks.blocks import (
    Downsample,
    OutputHead,
    Patchify,
    ResBlock,
    TimeEmbedding,
    Upsample,
    group_norm,
    rms_normalise,
)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 8, 6, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("channels", "groups"), [(256, 32), (128, 32), (64, 16), (96, 16), (12, 2), (8, 2), (6, 1)]
)
def test_group_norm_has_groups_of_at_least_four_channels(channels: int, groups: int) -> None:
    assert group_norm(channels).num_groups == groups


@pytest.mark.parametrize("width", [8, 12])
def test_a_new_block_is_its_skip_connection(width: int, x: torch.Tensor) -> None:
    block = ResBlock(8, width, time_dim=5)
    assert torch.equal(block(x, torch.randn(2, 5)), block.skip(x))
    assert isinstance(block.skip, nn.Identity) == (width == 8)


def test_a_trained_block_depends_on_its_time(fill: Callable[..., Any], x) -> None:
    block = fill(ResBlock(8, 12, time_dim=5))
    out = [block(x, value * torch.ones(2, 5)) for value in (0.1, 0.9)]
    assert out[0].shape == (2, 12, 6, 4)
    assert (out[0] - out[1]).abs().max() > 1e-3


def test_sizes_up_and_down(x: torch.Tensor) -> None:
    assert Downsample(8)(x).shape == (2, 8, 3, 2)
    assert Upsample(8, 5)(x).shape == (2, 5, 12, 8)


def test_upsampling_repeats_each_position(x: torch.Tensor) -> None:
    up = Upsample(8, 5)
    small, large = up.project(x), up(x)
    for f in range(12):
        for t in range(8):
            assert torch.equal(large[:, :, f, t], small[:, :, f // 2, t // 2])


def test_patches_go_in_and_out_in_the_same_order() -> None:
    """A convolution that copies its channels leaves an image of 4 x 4 patches as it was."""
    x = torch.arange(80 * 64.0).reshape(1, 1, 80, 64)
    into, out = Patchify(16, 4), OutputHead(16, 4)
    for convolution in (into.project, out.conv):
        nn.init.zeros_(convolution.weight)
        assert convolution.bias is not None
        nn.init.zeros_(convolution.bias)
        with torch.no_grad():
            convolution.weight[range(16), range(16), 1, 1] = 1
    patches = into(x)
    assert patches.shape == (1, 16, 20, 16)
    assert torch.equal(patches[0, :, 1, 2], x[0, 0, 4:8, 8:12].flatten())
    assert torch.equal(nn.functional.pixel_shuffle(out.conv(patches), 4), x)


def test_a_new_head_gives_zeros(x: torch.Tensor) -> None:
    out = OutputHead(8, 4)(x)
    assert out.shape == (2, 1, 24, 16)
    assert not out.any()


def test_rms_normalise_gives_each_item_unit_power(x: torch.Tensor) -> None:
    y = rms_normalise(x * torch.tensor([3.0, 0.01]).reshape(2, 1, 1, 1))
    for k in range(2):
        assert float(y[k].square().mean()) == pytest.approx(1, rel=1e-5)
        by_hand = x[k] / math.sqrt(sum(v * v for v in x[k].flatten().tolist()) / x[k].numel())
        torch.testing.assert_close(y[k], by_hand, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-4, 1e-2, 1.0, 1e5])
def test_rms_normalise_does_not_see_the_scale(scale: float, x: torch.Tensor) -> None:
    torch.testing.assert_close(rms_normalise(scale * x), rms_normalise(x), rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(rms_normalise(-scale * x), -rms_normalise(x), rtol=1e-3, atol=1e-6)


def test_rms_normalise_keeps_zeros_finite_and_items_apart(x: torch.Tensor) -> None:
    zero = x * torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
    zero.requires_grad_()
    y = rms_normalise(zero)
    assert not y[0].any()
    torch.testing.assert_close(y[1], rms_normalise(x)[1])
    y.square().sum().backward()
    assert zero.grad is not None
    assert torch.isfinite(zero.grad).all()


def test_time_embedding_separates_the_times_that_matter() -> None:
    """Sines and cosines of t times frequencies from 1 to 1000: t_eps and 2 t_eps must differ."""
    embedding = TimeEmbedding(7)
    assert embedding(torch.rand(3)).shape == (3, 7)
    frequencies = embedding.frequencies
    assert float(frequencies[0]) == pytest.approx(1)
    assert float(frequencies[-1]) == pytest.approx(1000, rel=1e-5)
    torch.testing.assert_close(
        frequencies[1:] / frequencies[:-1], torch.full((31,), 1000 ** (1 / 31))
    )
    assert "frequencies" not in embedding.state_dict()
    embedding.mlp = nn.Sequential()
    t = torch.tensor([0.0, 0.001, 0.002, 0.5, 0.501])
    raw = embedding(t)
    torch.testing.assert_close(raw[1, :32], torch.sin(0.001 * frequencies))
    torch.testing.assert_close(raw[1, 32:], torch.cos(0.001 * frequencies))
    assert torch.cdist(raw, raw).add(torch.eye(5)).min() > 0.5
