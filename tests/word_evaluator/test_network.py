"""ResNeXt: shapes, grouping, independence of batch mates."""

import pytest
import torch

from scoresubnet.word_evaluator.network import ResNeXt, ResNeXtBlock, ResNeXtConfig

TINY = ResNeXtConfig(widths=(8, 16), blocks=(1, 2), cardinality=4)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(64, 101), (32, 63), (7, 5)])
def test_any_size_of_input(size: tuple[int, int]) -> None:
    output = ResNeXt(TINY, 5)(noise(2, 1, *size))
    assert output.logits.shape == (2, 5)
    assert output.embedding.shape == (2, 16)


def test_every_stage_halves_the_resolution() -> None:
    network, sizes = ResNeXt(TINY, 5), []
    for block in network.blocks:
        block.register_forward_hook(lambda *given: sizes.append(given[2].shape[2:]))
    network(noise(1, 1, 64, 101))
    assert sizes == [(32, 51), (16, 26), (16, 26)]


def test_logits_are_a_linear_map_of_the_embedding() -> None:
    network = ResNeXt(TINY, 5).eval()
    output = network(noise(2, 1, 16, 16))
    expected = output.embedding @ network.head.weight.T + network.head.bias
    torch.testing.assert_close(output.logits, expected)


@pytest.mark.parametrize("training", [True, False])
def test_a_clip_does_not_see_its_batch_mates(training: bool) -> None:
    network = ResNeXt(TINY, 5).train(training)
    x = noise(3, 1, 16, 16)
    together, alone = network(x).embedding[1:2], network(x[1:2]).embedding
    torch.testing.assert_close(together, alone)


def test_convolutions_are_grouped() -> None:
    """Cardinality 4 of width 16: each output channel reads four channels."""
    block = ResNeXtBlock(8, 16, 4, stride=2)
    assert block.grouped.weight.shape == (16, 4, 3, 3)
    assert block(noise(1, 8, 7, 10)).shape == (1, 16, 4, 5)
    assert sum(p.numel() for p in block.skip.parameters()) == 8 * 16
    assert not list(ResNeXtBlock(16, 16, 4, stride=1).skip.parameters())


def test_dropout_is_for_training_alone() -> None:
    network, x = ResNeXt(TINY, 5), noise(1, 1, 16, 16)
    torch.manual_seed(0)
    assert not torch.equal(network(x).logits, network(x).logits)
    assert torch.equal(network.eval()(x).logits, network(x).logits)


@pytest.mark.parametrize(
    "wrong",
    [{"widths": (8,)}, {"cardinality": 3}, {"blocks": (1, 0)}, {"widths": (), "blocks": ()}],
)
def test_impossible_shapes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"blocks|groups|widths = \(\)"):
        ResNeXtConfig(**({"widths": (8, 16), "blocks": (1, 2), "cardinality": 4} | wrong))  # type: ignore[arg-type]
