"""ConvNeXt blocks: where they start, and how far they see."""

import pytest
import torch

from scoresubnet.vocoders.convnext import ConvNeXt, ConvNeXtBlock


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_branch_of_a_block_is_scaled() -> None:
    torch.manual_seed(0)
    h, block = noise(2, 10, 16), ConvNeXtBlock(16, 24, 3, 0.5)
    half = block(h) - h
    torch.nn.init.ones_(block.scale)
    torch.testing.assert_close(block(h) - h, 2 * half, rtol=1e-4, atol=1e-6)


def test_many_blocks_start_as_small_steps() -> None:
    blocks = ConvNeXt(80, 16, 24, blocks=5, kernel=3).blocks
    assert [block.scale.unique().tolist() for block in blocks] == [[pytest.approx(0.2)]] * 5


def test_a_frame_reaches_its_neighbours_alone() -> None:
    """Input convolution and two blocks of kernel 3: three frames to each side."""
    torch.manual_seed(0)
    network = ConvNeXt(80, 16, 24, blocks=2, kernel=3)
    x = noise(1, 1, 80, 32)
    other = x.clone()
    other[..., 16] += 1
    change = (network(x) - network(other)).abs().amax(dim=(0, 2))
    assert change.nonzero().flatten().tolist() == list(range(13, 20))
