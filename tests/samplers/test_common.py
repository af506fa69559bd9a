import pytest
import torch

from scoresubnet.noise import seeded_noise
from scoresubnet.samplers import between


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_between_two_seeds_noise_is_as_normal(share: float) -> None:
    """And at either end it is that seed's, draw by draw."""

    def of(seed: int) -> torch.Tensor:
        noise = seeded_noise([seed], (1, 200, 200), torch.empty(0))
        return torch.stack([noise(), noise()])

    first, second = (seeded_noise([seed], (1, 200, 200), torch.empty(0)) for seed in (1, 2))
    noise = between(first, second, share)
    found = torch.stack([noise(), noise()])
    assert float(found.var()) == pytest.approx(1, rel=0.02)
    pairs = [torch.stack([found, of(seed)]).flatten(1) for seed in (1, 2)]
    near, far = (float(torch.corrcoef(pair)[0, 1]) for pair in pairs)
    assert near**2 + far**2 == pytest.approx(1, abs=0.02)
    if share in (0, 1):
        torch.testing.assert_close(found, of(1 + int(share)))
    else:
        assert near > far > 0.4
