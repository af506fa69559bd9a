"""Discriminators: what each one sees."""

import pytest
import torch

from scoresubnet.vocoders.discriminators import (
    DiscriminatorConfig,
    Discriminators,
    PeriodDiscriminator,
    ResolutionDiscriminator,
)

SMALL = DiscriminatorConfig(
    periods=(2, 3), period_channels=(4, 8), resolutions=(256,), resolution_channels=4
)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_one_judgement_each_with_the_features_of_every_layer() -> None:
    judgements = Discriminators(SMALL)(noise(2, 2048))
    assert [len(j.features) for j in judgements] == [2, 2, 4]
    assert all(j.scores.shape[0] == 2 and j.scores.ndim == 2 for j in judgements)


def test_a_period_discriminator_keeps_the_columns_apart() -> None:
    """A sample changes what is said about its own phase of the period, and nothing else."""
    torch.manual_seed(0)
    member = PeriodDiscriminator(3, (4, 8))
    audio = noise(1, 301)
    other = audio.clone()
    other[0, 150] += 1.0  # column 0
    for one, two in zip(member(audio).features, member(other).features, strict=True):
        assert one.shape[3] == 3
        columns = (one - two).abs().amax(dim=(0, 1, 2))
        assert columns[0] > 0
        assert not columns[1:].any()


def test_a_resolution_discriminator_hears_no_sign() -> None:
    """It sees magnitudes."""
    torch.manual_seed(0)
    member = ResolutionDiscriminator(256, 4)
    torch.testing.assert_close(member(noise(1, 2048)).scores, member(-noise(1, 2048)).scores)


def test_silence_has_a_finite_gradient() -> None:
    audio = torch.zeros(1, 2048, requires_grad=True)
    sum(j.scores.sum() for j in Discriminators(SMALL)(audio)).backward()
    assert audio.grad is not None
    assert torch.isfinite(audio.grad).all()


@pytest.mark.parametrize(
    "wrong", [{"periods": (), "resolutions": ()}, {"periods": (0,)}, {"resolutions": (2,)}]
)
def test_impossible_shapes_are_refused(wrong: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"periods|discriminators"):
        DiscriminatorConfig(**wrong)
