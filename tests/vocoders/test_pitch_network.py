"""Pitch by classification: targets, decoding, and that the network learns it."""

import math

import numpy as np
import pytest
import torch

from scoresubnet.audio.mel import LogMel
from scoresubnet.audio.pitch import F_MAX, F_MIN
from scoresubnet.vocoders.pitch import Pitch, PitchLogits, PitchNetworkConfig, decode_pitch
from scoresubnet.vocoders.pitch_network import (
    ConvNeXtBlock,
    PitchLosses,
    PitchNetwork,
    pitch_losses,
    reader_of,
)
from scoresubnet.vocoders.sources import pulses

CONFIG = PitchNetworkConfig()


def decoded(logits: PitchLogits) -> Pitch:
    on_numpy = PitchLogits(np.asarray(logits.bins), np.asarray(logits.voiced))
    return decode_pitch(on_numpy, CONFIG, reach=4)


def losses_of(logits: PitchLogits, f0: torch.Tensor) -> PitchLosses:
    return pitch_losses(logits, f0, CONFIG)


def logits_of(f0: torch.Tensor, sharpness: float = 0.5) -> PitchLogits:
    """Logits with a Gaussian peak at f0 (B, T)."""
    position = 48 * torch.log2(f0 / F_MIN)
    bins = -sharpness * (torch.arange(CONFIG.bins) - position[..., None]).square()
    return PitchLogits(bins, torch.zeros_like(f0))


def test_bins_span_the_range() -> None:
    ends = torch.tensor([[F_MIN, F_MAX]])
    np.testing.assert_allclose(decoded(logits_of(ends, 9.0)).f0, ends, rtol=5e-3)


def test_a_peak_is_found_between_its_bins() -> None:
    f0 = torch.tensor([[70.0, 100.0, 101.0, 123.4, 480.0]])
    found = decoded(logits_of(f0))
    np.testing.assert_allclose(found.f0, f0, rtol=2e-4)
    assert found.voiced.tolist() == [[0.5] * 5]


def test_a_far_peak_does_not_pull() -> None:
    """An octave above there is another, nearly as high: the answer is not between the two."""
    near, far = logits_of(torch.tensor([[110.0]])), logits_of(torch.tensor([[220.0]]))
    both = torch.logaddexp(near.bins, far.bins - 0.1)
    found = decoded(PitchLogits(both, near.voiced)).f0
    assert found.item() == pytest.approx(110, rel=1e-3)


def test_losses_are_least_at_the_truth() -> None:
    f0 = torch.tensor([[120.0, 0.0, 300.0]])
    sure = torch.tensor([[9.0, -9.0, 9.0]])
    right = losses_of(PitchLogits(logits_of(f0.clamp(min=F_MIN)).bins, sure), f0)
    wrong = losses_of(PitchLogits(logits_of(torch.full((1, 3), 200.0)).bins, -sure), f0)
    assert right.bins < wrong.bins
    assert right.voiced.item() == pytest.approx(math.log1p(math.exp(-9)), rel=0.01)
    assert wrong.voiced.item() == pytest.approx(9, rel=1e-3)
    blur = torch.distributions.Categorical(logits=-0.5 * torch.arange(-9.0, 10).square())
    assert right.bins.item() == pytest.approx(blur.entropy().item(), rel=0.01)


def test_unvoiced_frames_have_no_pitch_to_miss() -> None:
    logits = logits_of(torch.tensor([[100.0, 400.0]]))
    here, there = (losses_of(logits, torch.tensor([[100.0, f]])).bins for f in (0.0, 400.0))
    torch.testing.assert_close(here, there, rtol=1e-3, atol=0)
    assert torch.isfinite(losses_of(logits, torch.zeros(1, 2)).bins)


def test_it_learns_the_pitch_of_pulses() -> None:
    torch.manual_seed(0)
    network, front_end = PitchNetwork(PitchNetworkConfig(32, 1, 3), 80), LogMel()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)

    def clips(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        f0 = (100 * torch.exp2(torch.rand(count, 1, generator=generator))).expand(-1, 17)
        voiced = (torch.rand(count, 1, generator=generator) < 0.8).float().expand(-1, 17)
        noise = 0.1 * torch.randn(count, 16 * 256, generator=generator)
        voice = torch.from_numpy(pulses(Pitch(f0.numpy(), voiced.numpy()), 256, 16_000))
        audio = 0.1 * (voice + noise)
        return front_end.scale(front_end.log_mel(audio)), f0 * voiced

    for _ in range(60):
        x, f0 = clips(32)
        optimiser.zero_grad()
        sum(losses_of(network(x), f0)).backward()  # type: ignore[union-attr]
        optimiser.step()
    log_mels, truth = (each.numpy() for each in clips(64))
    found = decoded(reader_of(network).read(log_mels))
    voiced = truth > 0
    assert ((found.voiced > 0.5) == voiced).mean() > 0.97
    cents = 1200 * np.abs(np.log2(found.f0[voiced] / truth[voiced]))
    assert np.median(cents) < 50


def test_a_reader_gives_what_the_network_gives() -> None:
    torch.manual_seed(0)
    network = PitchNetwork(PitchNetworkConfig(16, 1, 3), 80).train()
    reader = reader_of(network)
    x = noise(2, 1, 80, 12)
    read, expected = reader.read(x.numpy()), network(x)
    for ours, theirs in zip(read, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs.detach().numpy())
    assert reader.config == network.config
    assert not network.training


def test_a_place_among_the_bins_is_one_on_torch_and_on_numpy() -> None:
    f0 = np.array([0.0, 60.0, 120.0, 400.0, 9000.0])
    found = CONFIG.position(f0)
    np.testing.assert_allclose(found[:3], [0, 0, 48], atol=1e-9)
    np.testing.assert_allclose(CONFIG.position(torch.from_numpy(f0)), found, rtol=1e-12)


def test_voicing_is_a_probability_however_sure() -> None:
    logits = PitchLogits(np.zeros((1, 3, CONFIG.bins)), np.array([[-1e4, 0.0, 1e4]]))
    assert decode_pitch(logits, CONFIG, reach=4).voiced.tolist() == [[0, 0.5, 1]]


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_the_bins_reach_as_far_as_the_tracker() -> None:
    assert (CONFIG.f_min, CONFIG.f_max) == (F_MIN, F_MAX)


def test_the_branch_of_a_block_is_scaled() -> None:
    torch.manual_seed(0)
    h, block = noise(2, 10, 16), ConvNeXtBlock(16, 3, 0.5)
    half = block(h) - h
    torch.nn.init.ones_(block.scale)
    torch.testing.assert_close(block(h) - h, 2 * half, rtol=1e-4, atol=1e-6)


def test_many_blocks_start_as_small_steps() -> None:
    blocks = PitchNetwork(PitchNetworkConfig(16, 5, 3), 80).blocks
    scales = [torch.as_tensor(block.scale).unique().tolist() for block in blocks]
    assert scales == [[pytest.approx(0.2)]] * 5


def test_a_frame_reaches_its_neighbours_alone() -> None:
    """Input convolution and two blocks of kernel 3: three frames to each side."""
    torch.manual_seed(0)
    network = PitchNetwork(PitchNetworkConfig(16, 2, 3), 80)
    x = noise(1, 1, 80, 32)
    other = x.clone()
    other[..., 16] += 1
    change = (network(x).bins - network(other).bins).abs().amax(dim=(0, 2))
    assert change.nonzero().flatten().tolist() == list(range(13, 20))


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"blocks": 0}, {"kernel": 4}, {"f_max": 60.0}, {"bins_per_octave": 0}]
)
def test_impossible_shapes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PitchNetworkConfig(**wrong)
