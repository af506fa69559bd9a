from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.fusion import FUSIONS
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig

Taps = tuple[list[Tensor], list[Tensor]]


def config(**values: Any) -> SubnetConfig:
    shape: dict[str, Any] = {"widths": (8, 8, 12, 16), "blocks": (1, 0, 2, 1), "time_dim": 16}
    return SubnetConfig(**(shape | values))


@pytest.fixture
def taps(tiny: ClassifierConfig) -> Taps:
    generator = torch.Generator().manual_seed(0)

    def draw() -> list[Tensor]:
        return [torch.randn(2, *shape, generator=generator) for shape in tiny.tap_shapes]

    return draw(), draw()


T = torch.tensor([0.2, 0.8])


@pytest.mark.parametrize("fusion", FUSIONS)
def test_output_is_an_image_that_every_tap_and_the_time_change(
    fusion: str, fill: Callable[..., Any], tiny: ClassifierConfig, taps: Taps
) -> None:
    subnet = fill(ScoreSubnet(config(fusion=fusion), tiny))
    forward, gradient = taps
    out = subnet(forward, gradient, T)
    assert out.shape == (2, 1, 80, 64)
    assert (subnet(forward, gradient, 1 - T) - out).abs().max() > 1e-3
    for k in range(len(forward)):
        for kind in (0, 1):
            changed = [list(forward), list(gradient)]
            changed[kind][k] = -changed[kind][k]
            assert (subnet(*changed, T) - out).abs().max() > 1e-3, (k, kind)


def test_a_new_subnet_gives_zeros(tiny: ClassifierConfig, taps: Taps) -> None:
    assert not ScoreSubnet(config(), tiny)(*taps, T).any()


@pytest.mark.parametrize("keep", [False, True])
def test_scale_of_the_taps_is_forgotten_except_at_the_input_if_asked(
    keep: bool, fill: Callable[..., Any], tiny: ClassifierConfig, taps: Taps
) -> None:
    """All taps are RMS-normalised; with `keep_input_scale` tap 0 shows X_t at its own scale."""
    subnet = fill(ScoreSubnet(config(keep_input_scale=keep), tiny))
    forward, gradient = taps
    out = subnet(forward, gradient, T)
    inner = [forward[0], *(100 * h for h in forward[1:])]
    faint = [1e-3 * g for g in gradient]
    torch.testing.assert_close(subnet(inner, faint, T), out, rtol=1e-3, atol=1e-3)
    louder = [2 * forward[0], *forward[1:]]
    change = (subnet(louder, gradient, T) - out).abs().max()
    assert change > 1e-2 if keep else change < 1e-3


def test_gradient_taps_are_demanded_where_they_are_read(tiny: ClassifierConfig, taps: Taps) -> None:
    forward, gradient = taps
    with pytest.raises(ValueError, match="none were given"):
        ScoreSubnet(config(), tiny)(forward, None, T)
    blind = ScoreSubnet(config(gradient_taps=False), tiny)
    with pytest.raises(ValueError, match="built without gradient taps"):
        blind(forward, gradient, T)
    assert blind(forward, None, T).shape == (2, 1, 80, 64)
    assert not any("gradient" in name or "fuse" in name for name in blind.state_dict())


def test_wrong_number_of_taps_is_refused(tiny: ClassifierConfig, taps: Taps) -> None:
    forward, gradient = taps
    with pytest.raises(ValueError, match="shorter"):
        ScoreSubnet(config(), tiny)(forward[:-1], gradient[:-1], T)


def test_impossible_configs_are_refused(tiny: ClassifierConfig) -> None:
    with pytest.raises(ValueError, match="one number of blocks per width"):
        config(blocks=(1, 1))
    with pytest.raises(ValueError, match=r"'cross'; there are cross-attention, addition"):
        config(fusion="cross")
    with pytest.raises(ValueError, match=r"4 taps \(input, 2 stages, bottleneck\).*for 3"):
        ScoreSubnet(config(widths=(8, 8, 8), blocks=(1, 1, 1)), tiny)


def test_decoder_upsamples_where_the_taps_do() -> None:
    """Three stages, two doublings; last stage and bottleneck have the same resolution."""
    backbone = ClassifierConfig(widths=(8, 8, 8), blocks=(1, 1, 1), time_dim=16)
    with torch.device("meta"):
        subnet = ScoreSubnet(SubnetConfig(), backbone)
        taps = [torch.zeros(1, *shape) for shape in backbone.tap_shapes]
        assert subnet(taps, taps, torch.zeros(1)).shape == (1, 1, 80, 64)
    ups = [type(level.up).__name__ for level in subnet.levels]
    assert ups == ["Identity", "Identity", "Upsample", "Upsample", "Identity"]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_gradient_taps_alone(
    fusion: str, fill: Callable[..., Any], tiny: ClassifierConfig, taps: Taps
) -> None:
    subnet = fill(ScoreSubnet(config(fusion=fusion, forward_taps=False), tiny))
    forward, gradient = taps
    out = subnet(forward, gradient, T)
    assert torch.equal(subnet([-h for h in forward], gradient, T), out)
    for k in range(len(gradient)):
        changed = [-g if j == k else g for j, g in enumerate(gradient)]
        assert (subnet(forward, changed, T) - out).abs().max() > 1e-3
    with pytest.raises(ValueError, match="needs taps"):
        config(forward_taps=False, gradient_taps=False)


def test_taps_of_every_block_are_all_read(fill: Callable[..., Any], tiny: ClassifierConfig) -> None:
    backbone = replace(tiny, blocks=(1, 2))
    wide = config(widths=(8, 8, 12, 12, 16), blocks=(1, 0, 1, 1, 1), every_block=True)
    subnet = fill(ScoreSubnet(wide, backbone))
    generator = torch.Generator().manual_seed(0)
    taps = [torch.randn(2, *shape, generator=generator) for shape in backbone.block_shapes]
    out = subnet(taps, taps, T)
    assert out.shape == (2, 1, 80, 64)
    for k in range(5):
        changed = [-h if j == k else h for j, h in enumerate(taps)]
        assert (subnet(changed, taps, T) - out).abs().max() > 1e-3
    with pytest.raises(ValueError, match="5 taps \\(input, 4 blocks\\)"):
        ScoreSubnet(config(every_block=True), backbone)
