"""The spotter that recordings and clips are compared by."""

import pytest
import torch

from scoresubnet.experiments.own_words.spotter import (
    DSCNN,
    Clips,
    SpotterConfig,
    _batch,
    guesses,
    share_right,
    train_spotter,
)

FEW = SpotterConfig(steps=60, batch_size=8, rates=(1e-3, 4e-3))


def _tones(count: int, seed: int) -> Clips:
    """Energy in the lower or the upper bands."""
    generator = torch.Generator().manual_seed(seed)
    x = -0.9 + 0.1 * torch.randn(2 * count, 1, 80, 64, generator=generator)
    x[:count, :, :30] += 1.2
    x[count:, :, 50:] += 1.2
    return Clips(x.clamp(-1, 1), torch.arange(2).repeat_interleave(count))


def test_a_spotter_learns_what_differs() -> None:
    """The same one for the same seed; of labels that mean nothing it learns nothing."""
    clips, others = _tones(10, 0), _tones(20, 1)
    first, again = (train_spotter([clips], 2, 4e-3, FEW, seed=3) for _ in range(2))
    assert share_right(guesses(first, others.x), others.labels) == 1
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )
    shuffled = Clips(clips.x, torch.arange(20) % 2)
    lost = train_spotter([shuffled], 2, 4e-3, FEW, seed=3)
    assert share_right(guesses(lost, others.x), others.labels) < 0.8


def test_words_weigh_alike() -> None:
    labels = torch.tensor([0] * 9 + [1])
    assert share_right(torch.zeros(10), labels) == pytest.approx(0.5)


def test_sets_and_words_are_drawn_alike_and_lend_noise_to_one_another() -> None:
    """Nine clips of one word, one of another; those of a second set begin and end in silence."""
    many, few = _tones(5, 0), _tones(5, 1)
    recorded = Clips(many.x[:6], torch.tensor([0] * 5 + [1]))
    padded = few.x.clone()
    padded[:, :, :, 20:] = -1.0
    spoken = Clips(padded, few.labels)
    generator = torch.Generator().manual_seed(0)
    x, labels = _batch([recorded, spoken], 400, generator)
    assert len(x) == len(labels) == 400
    for half in (labels[:200], labels[200:]):
        assert 70 < int(half.sum()) < 130
    silent = (x[200:] <= -1).all(2).float().mean((1, 2))  # of the time of each
    alone = _batch([spoken], 200, torch.Generator().manual_seed(0))[0]
    assert (silent < 0.1).float().mean() > (
        0.1 + ((alone <= -1).all(2).float().mean((1, 2)) < 0.1).float().mean()
    )


def test_what_is_not_varied_stays_as_it_is() -> None:
    clips = _tones(3, 0)
    plain = Clips(clips.x, clips.labels, varied=False)
    x, labels = _batch([clips, plain], 20, torch.Generator().manual_seed(0))
    for one, label in zip(x[:10], labels[:10], strict=True):  # what is plain comes first
        assert any(torch.equal(one, own) for own in clips.x[clips.labels == label])
    assert not any(torch.equal(x[k], own) for k in range(10, 20) for own in clips.x)


def test_words_that_lack_are_those_of_others() -> None:
    clips, others = _tones(3, 0), _tones(2, 1)
    low = Clips(clips.x[:3], clips.labels[:3])
    full = low.with_words_of(others)
    assert full.labels.tolist() == [0, 0, 0, 1, 1]
    assert torch.equal(full.x[3:], others.x[2:])
    assert torch.equal(others.with_words_of(clips).x, others.x)


def test_its_size_is_that_of_the_paper() -> None:
    """Zhang et al. 2017, table 6: about 24 thousand weights for twelve words."""
    weights = sum(parameter.numel() for parameter in DSCNN(12).parameters())
    assert 20_000 < weights < 26_000


def test_its_kernel_is_longer_in_time() -> None:
    """Zhang et al. 2017: ten frames by four features, stride two both ways."""
    first = next(layer for layer in DSCNN(2).body if isinstance(layer, torch.nn.Conv2d))
    assert first.kernel_size == (4, 10)
    assert first(torch.zeros(1, 1, 20, 64)).shape == (1, 64, 10, 32)
