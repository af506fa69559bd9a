from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.networks.fusion import FUSIONS, CrossAttentionFusion


@pytest.fixture
def taps() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    forward, gradient = torch.randn(2, 2, 8, 20, 16, generator=generator)
    return forward, gradient


@pytest.fixture
def attention(fill: Callable[..., Any]) -> CrossAttentionFusion:
    return fill(CrossAttentionFusion(8, (20, 16), head_channels=4))


@pytest.mark.parametrize("name", FUSIONS)
def test_both_taps_matter(name: str, fill: Callable[..., Any], taps: tuple[Tensor, Tensor]) -> None:
    fusion = fill(FUSIONS[name](8, (20, 16)))
    forward, gradient = taps
    fused = fusion(forward, gradient)
    assert fused.shape == forward.shape
    for other in (fusion(forward, -gradient), fusion(-forward, gradient)):
        assert ((other - fused).flatten(1).abs().amax(1) > 1e-3).all()


@pytest.mark.parametrize("name", FUSIONS)
def test_a_new_fusion_already_reads_the_gradient_tap(
    name: str, taps: tuple[Tensor, Tensor]
) -> None:
    torch.manual_seed(0)
    fusion = FUSIONS[name](8, (20, 16))
    forward, gradient = taps
    assert (fusion(forward, gradient) - fusion(forward, -gradient)).abs().max() > 1e-3


@pytest.mark.parametrize("name", FUSIONS)
def test_items_stay_apart(name: str, fill: Callable[..., Any], taps: tuple[Tensor, Tensor]) -> None:
    fusion = fill(FUSIONS[name](8, (20, 16)))
    forward, gradient = taps
    together, alone = fusion(forward, gradient), fusion(forward[1:], gradient[1:])
    torch.testing.assert_close(together[1:], alone, rtol=1e-5, atol=1e-6)


def test_windows_tile_the_tap_and_come_back(attention: CrossAttentionFusion) -> None:
    x = torch.arange(2 * 8 * 20 * 16.0).reshape(2, 8, 20, 16)
    windows = attention._windows(x)
    assert windows.shape == (2 * 4, 80, 8)
    for item in range(2):
        for row in range(2):
            for column in range(2):
                tile = x[item, :, 10 * row : 10 * row + 10, 8 * column : 8 * column + 8]
                assert torch.equal(windows[4 * item + 2 * row + column], tile.flatten(1).T)
    assert torch.equal(attention._whole(windows, x.shape), x)


@pytest.mark.parametrize("which", [0, 1])
def test_a_change_stays_inside_its_window(
    which: int, attention: CrossAttentionFusion, taps: tuple[Tensor, Tensor]
) -> None:
    """One position of window (1, 0) changes. Its gradient tap reaches the window, and no other."""
    before = attention(*taps)
    taps[which][:, :, 13, 5] += 3
    difference = (attention(*taps) - before).abs().amax((0, 1))
    window = difference[10:20, 0:8]
    assert (window > 1e-6).sum() == (80 if which else 1)
    outside = difference.clone()
    outside[10:20, 0:8] = 0
    assert outside.max() < 1e-6


def test_attention_by_hand(attention: CrossAttentionFusion, taps: tuple[Tensor, Tensor]) -> None:
    """One window, one query at a time: softmax(q . k / sqrt(d)) v, head by head."""
    forward, gradient = (tap[:1, :, :10, :8] for tap in taps)
    fused = attention(forward, gradient)
    queries = forward[0].flatten(1).T + attention.position
    answers = gradient[0].flatten(1).T + attention.position
    q, (k, v) = attention.query(queries), attention.key_value(answers).split(8, dim=1)
    rows = []
    for n in range(80):
        heads = []
        for part in (slice(0, 4), slice(4, 8)):
            weights = (k[:, part] @ q[n, part] / 2).softmax(0)
            heads.append(weights @ v[:, part])
        rows.append(attention.out(torch.cat(heads)))
    expected = forward + torch.stack(rows).T.reshape(1, 8, 10, 8)
    torch.testing.assert_close(fused, expected, rtol=1e-5, atol=1e-5)


def test_attention_trains_in_bfloat16_as_in_float32(
    attention: CrossAttentionFusion, taps: tuple[Tensor, Tensor]
) -> None:
    """Value and gradients, within the arithmetic: a training takes another way than sampling."""
    found = []
    for arithmetic in (nullcontext(), torch.autocast("cpu", torch.bfloat16)):
        forward, gradient = (tap.clone().requires_grad_() for tap in taps)
        attention.zero_grad()
        with arithmetic:
            fused = attention(forward, gradient)
        fused.square().sum().backward()
        weights = [weight.grad for weight in attention.parameters()]
        found.append([fused.detach().float(), forward.grad, gradient.grad, *weights])
    for exact, rough in zip(*found, strict=True):
        assert (rough - exact).norm() < 0.02 * exact.norm()


def test_attention_tells_positions_apart(attention: CrossAttentionFusion) -> None:
    """Constant taps: without the learned positions, all positions of a window would be alike."""
    constant = torch.ones(1, 8, 10, 8)
    assert attention(constant, constant).flatten(2).std(2).max() > 1e-3


@pytest.mark.parametrize("size", [(20, 12), (15, 16), (5, 4)])
def test_sizes_that_windows_do_not_divide_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="does not divide into"):
        CrossAttentionFusion(8, size)


@pytest.mark.parametrize(("channels", "heads"), [(128, 4), (32, 1), (48, 1), (8, 1)])
def test_heads_divide_the_channels(channels: int, heads: int) -> None:
    assert CrossAttentionFusion(channels, (10, 8)).heads == heads
