import pytest
import torch

from scoresubnet.audio.mel import MelSettings
from scoresubnet.evaluation.speed import vocoder_speed


class Slow:
    """A vocoder whose passes take known times: 9 s to warm up, then 1, 4, 2, 8, 3."""

    name = "slow"
    mel = MelSettings()

    def __init__(self):
        self.now = 0.0
        self.times = iter([9.0, 1.0, 4.0, 2.0, 8.0, 3.0])
        self.grad = []

    def __call__(self, x):
        self.now += next(self.times)
        self.grad.append(torch.is_grad_enabled())
        return torch.zeros(len(x), 16_000)


def test_median_pass_after_a_warm_up():
    slow = Slow()
    speed = vocoder_speed(slow, torch.zeros(6, 1, 80, 64), 5, clock=lambda: slow.now)
    assert speed.pass_seconds == (1, 4, 2, 8, 3)
    assert speed.rate == 6 / 3
    assert speed.threads == torch.get_num_threads()
    values = speed.to_dict()
    assert (values["clips"], values["audio_seconds"], values["rate"]) == (6, 6.0, 2.0)
    assert not any(slow.grad)


def test_something_must_be_timed():
    with pytest.raises(ValueError, match="at least one pass"):
        vocoder_speed(Slow(), torch.zeros(1, 1, 80, 64), 0)
