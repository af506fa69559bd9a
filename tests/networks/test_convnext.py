"""ConvNeXt blocks: where they start, and how far they see."""

import torch

from scoresubnet.networks.convnext import ConvNeXt, ConvNeXtBlock


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_blocks_start_near_the_identity() -> None:
    torch.manual_seed(0)
    h = noise(2, 10, 16)
    assert torch.equal(ConvNeXtBlock(16, 24, 3, 0.0)(h), h)


def test_a_frame_reaches_its_neighbours_alone() -> None:
    """Input convolution and two blocks of kernel 3: three frames to each side."""
    torch.manual_seed(0)
    network = ConvNeXt(80, 16, 24, blocks=2, kernel=3)
    x = noise(1, 1, 80, 32)
    other = x.clone()
    other[..., 16] += 1
    change = (network(x) - network(other)).abs().amax(dim=(0, 2))
    assert change.nonzero().flatten().tolist() == list(range(13, 20))
