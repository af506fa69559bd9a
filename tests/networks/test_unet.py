from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.networks.unet import UNet, UNetConfig

Batch = tuple[Tensor, Tensor, Tensor]


def small(**values: Any) -> UNetConfig:
    shape: dict[str, Any] = {
        "widths": (8, 12, 16),
        "blocks": (1, 2, 1),
        "up_blocks": (2, 2, 1),
        "bottleneck_blocks": 1,
        "patch": 4,
        "time_dim": 16,
    }
    return UNetConfig(**(shape | values))


@pytest.mark.parametrize("patch", [1, 4])
def test_output_is_shaped_like_the_input(patch: int) -> None:
    x = torch.randn(2, 1, 80, 64)
    out = UNet(small(patch=patch))(x, torch.rand(2))
    assert out.shape == x.shape
    assert not out.any()  # the head starts at zero


@pytest.mark.parametrize("up_blocks", [(2, 3, 2), (1, 1, 1), (3, 5, 4)])
def test_any_number_of_blocks_on_the_way_up(up_blocks: tuple[int, ...]) -> None:
    """As many as there are skip connections, fewer, or more."""
    x = torch.randn(1, 1, 80, 64)
    assert UNet(small(up_blocks=up_blocks))(x, torch.rand(1)).shape == x.shape


def test_entries_per_stage_are_demanded() -> None:
    with pytest.raises(ValueError, match="one entry per stage"):
        small(up_blocks=(2, 2))


def test_skip_connections_carry_the_input(fill: Callable[..., Any], batch: Batch) -> None:
    """With the bottleneck cut off, the input still reaches the output, at full resolution."""
    unet, (x, t, _) = fill(UNet(small())).eval(), batch
    cut = unet.bottleneck.register_forward_hook(lambda module, args, out: out * 0)
    out = unet(x, t)
    changed = x.clone()
    changed[:, :, 40, 32] += 5
    difference = (unet(changed, t) - out).abs().flatten(1).amax(1)
    assert (difference > 1e-3).all()
    cut.remove()
    assert (unet(x, t) - out).abs().max() > 1e-3  # and the bottleneck is no dead end either


def test_each_way_up_reads_the_skips_of_its_own_stage(
    fill: Callable[..., Any], batch: Batch
) -> None:
    """Deepest first: outputs of the way down from the last block to the first, then the entry."""
    unet, (x, t, _) = fill(UNet(small())), batch
    gave: list[list[Tensor]] = [[], [], []]
    read: list[list[Tensor]] = [[], [], []]
    for k in range(3):
        unet.down[k].blocks[0].register_forward_pre_hook(
            lambda module, args, k=k: gave[k].append(args[0])
        )
        for block in unet.down[k].blocks:
            block.register_forward_hook(lambda module, args, out, k=k: gave[k].append(out))
        for block in unet.up[k].blocks:
            block.register_forward_pre_hook(lambda module, args, k=k: read[k].append(args[0]))
    unet(x, t)
    for k in range(3):
        assert len(read[k]) == unet.config.up_blocks[k]
        for entered, skip in zip(read[k], reversed(gave[k]), strict=False):
            assert torch.equal(entered[:, -skip.shape[1] :], skip)


def test_output_depends_on_the_time(fill: Callable[..., Any], batch: Batch) -> None:
    unet, (x, t, _) = fill(UNet(small())), batch
    assert (unet(x, t) - unet(x, 1 - t)).abs().max() > 1e-3


def test_size_of_the_paper() -> None:
    """The paper's U-Net has 16.6 M parameters."""
    with torch.device("meta"):
        unet = UNet(UNetConfig())
    assert sum(p.numel() for p in unet.parameters()) == pytest.approx(16.6e6, rel=0.05)


def test_labels_are_apart_before_training() -> None:
    """As far as times are, or a short training tells few words apart."""
    unet = UNet(small(label_conditioned=True), 3)
    labels, times = unet.labels.weight, unet.time(torch.tensor([0.1, 0.5, 0.9]))
    assert torch.pdist(labels).min() > torch.pdist(times).min()


def test_each_label_and_none_have_a_vector_of_their_own(
    fill: Callable[..., Any], batch: Batch
) -> None:
    unet, (x, t, _) = fill(UNet(small(label_conditioned=True), 3)), batch
    found = [unet(x, t, torch.full((3,), k)) for k in (0, 1, 2, -1)]
    assert torch.equal(found[3], unet(x, t))
    for k, one in enumerate(found):
        assert all((one - other).abs().max() > 1e-3 for other in found[:k])
    mixed = unet(x, t, torch.tensor([2, -1, 0]))
    for row, k in enumerate((2, 3, 0)):
        torch.testing.assert_close(mixed[row], found[k][row], rtol=1e-4, atol=1e-5)
