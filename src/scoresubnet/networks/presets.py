"""Named sizes of the networks."""

from __future__ import annotations

from dataclasses import dataclass

from scoresubnet.networks.classifier import ClassifierConfig
from scoresubnet.networks.subnet import SubnetConfig
from scoresubnet.networks.unet import UNetConfig


@dataclass(frozen=True)
class Preset:
    """Classifier and Score Subnet of one size, and the U-Net that they are compared with.

    Attributes:
        classes: number of labels that the preset is counted with.
    """

    classifier: ClassifierConfig
    subnet: SubnetConfig
    unet: UNetConfig
    classes: int


PRESETS: dict[str, Preset] = {
    # The paper's sizes: 12.3 M (4.4 M trainable), 12.07 / 16.44 GMACs; U-Net 16.6 M, 14.56 GMACs.
    "paper": Preset(
        ClassifierConfig(
            widths=(64, 128, 256), blocks=(3, 3, 3), bottleneck_blocks=2, patch=1, time_dim=128
        ),
        SubnetConfig(widths=(56, 56, 96, 160, 160), blocks=(3, 3, 3, 3, 3), time_dim=128),
        UNetConfig(
            widths=(64, 128, 256),
            blocks=(3, 3, 3),
            up_blocks=(6, 4, 3),
            bottleneck_blocks=2,
            patch=1,
            time_dim=128,
        ),
        classes=10,
    ),
    # For a CPU: 2 x 2 patches, most of the work at 20 x 16 and 10 x 8 positions, where it is fast.
    "small": Preset(
        ClassifierConfig(
            widths=(32, 64, 128),
            blocks=(1, 2, 2),
            bottleneck_blocks=1,
            patch=2,
            time_dim=128,
            dropout=0.15,
        ),
        SubnetConfig(
            widths=(32, 32, 64, 128, 128),
            blocks=(1, 1, 3, 1, 2),
            fusion="concatenation",
            keep_input_scale=True,
            time_dim=128,
        ),
        UNetConfig(
            widths=(32, 64, 128),
            blocks=(1, 2, 2),
            up_blocks=(2, 2, 2),
            bottleneck_blocks=1,
            patch=2,
            time_dim=128,
        ),
        classes=18,
    ),
}
