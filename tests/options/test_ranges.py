"""What no network has is refused by its config, and named."""

import pytest

from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.networks.unet import UNetConfig
from scoresubnet.options.ranges import MOST_BLOCKS, MOST_CHANNELS
from scoresubnet.vocoders.pitch import PitchNetworkConfig
from scoresubnet.word_evaluator.network import ResNeXtConfig

FIVE = (1,) * 5


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (ClassifierConfig, {"time_dim": 0}),
        (ClassifierConfig, {"patch": -1}),
        (ClassifierConfig, {"bottleneck_blocks": -1}),
        (ClassifierConfig, {"bottleneck_blocks": MOST_BLOCKS + 1}),
        (ClassifierConfig, {"blocks": (1, 0, 1)}),
        (ClassifierConfig, {"widths": (), "blocks": ()}),
        (ClassifierConfig, {"dropout": float("nan")}),
        (ClassifierConfig, {"dropout": 1.0}),
        (ClassifierConfig, {"frames": -64}),
        (ClassifierConfig, {"mel_bins": 0}),
        (SubnetConfig, {"time_dim": -16}),
        (SubnetConfig, {"widths": (10**30, 8, 8, 8, 8)}),
        (SubnetConfig, {"widths": (0, 8, 8, 8, 8)}),
        (SubnetConfig, {"blocks": (*FIVE[1:], 10**30)}),
        (SubnetConfig, {"blocks": (*FIVE[1:], MOST_BLOCKS - 3)}),
        (SubnetConfig, {"blocks": (*FIVE[1:], -1)}),
        (UNetConfig, {"time_dim": 0}),
        (UNetConfig, {"up_blocks": (6, 4, 0)}),
        (PitchNetworkConfig, {"width": MOST_CHANNELS + 1}),
        (PitchNetworkConfig, {"kernel": -7}),
        (PitchNetworkConfig, {"f_max": float("inf")}),
        (PitchNetworkConfig, {"f_min": 1e-300}),
        (PitchNetworkConfig, {"f_min": float("nan")}),
        (ResNeXtConfig, {"cardinality": 0}),
        (ResNeXtConfig, {"dropout": -0.1}),
    ],
)
def test_numbers_out_of_range_are_named(config: type, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        config(**wrong)


def test_the_largest_are_not_refused() -> None:
    SubnetConfig(widths=(MOST_CHANNELS,) * 5, blocks=(MOST_BLOCKS - 4, *FIVE[1:]))
    SubnetConfig(blocks=(0, *FIVE[1:]))
    ClassifierConfig(bottleneck_blocks=0)
