import pytest
import torch

from scoresubnet.score import PARAMETRISATIONS, score_from_output
from scoresubnet.sde import VPSDE

SDE = VPSDE()
T = torch.tensor([1e-3, 0.05, 0.3, 0.8, 1.0], dtype=torch.float64)


@pytest.fixture
def clean_and_noise() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (2, len(T), 1, 4, 3)
    x0, noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return x0, noise


@pytest.mark.parametrize("name", PARAMETRISATIONS)
def test_a_perfect_output_gives_the_conditional_score(
    name: str, clean_and_noise: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """The target, taken as the output, gives -eps / sigma = grad log q(X_t | X_0)."""
    x0, noise = clean_and_noise
    xt = SDE.perturb(x0, noise, T)
    target, _ = PARAMETRISATIONS[name]
    score = score_from_output(target(x0, noise, T, SDE), xt, T, SDE, name)
    torch.testing.assert_close(score, -noise / SDE.sigma(T).reshape(-1, 1, 1, 1))

    leaf = xt.clone().requires_grad_()
    mean, deviation = SDE.alpha(T).reshape(-1, 1, 1, 1) * x0, SDE.sigma(T).reshape(-1, 1, 1, 1)
    torch.distributions.Normal(mean, deviation).log_prob(leaf).sum().backward()
    torch.testing.assert_close(score, leaf.grad)


def test_targets(clean_and_noise: tuple[torch.Tensor, torch.Tensor]) -> None:
    """epsilon is the noise itself; (X_t, v) is (x0, eps) turned by an angle: lengths are kept."""
    x0, noise = clean_and_noise
    assert torch.equal(PARAMETRISATIONS["epsilon"][0](x0, noise, T, SDE), noise)
    v = PARAMETRISATIONS["v"][0](x0, noise, T, SDE)
    alpha, sigma = SDE.alpha(T), SDE.sigma(T)
    for k in range(len(T)):
        torch.testing.assert_close(v[k], alpha[k] * noise[k] - sigma[k] * x0[k])
        # The turn back gives x0 = alpha X_t - sigma v.
        xt = alpha[k] * x0[k] + sigma[k] * noise[k]
        torch.testing.assert_close(xt**2 + v[k] ** 2, x0[k] ** 2 + noise[k] ** 2)
        torch.testing.assert_close(alpha[k] * xt - sigma[k] * v[k], x0[k])


def test_unknown_parametrisation_is_an_error() -> None:
    x = torch.zeros(1, 1, 2, 2)
    with pytest.raises(KeyError, match="x0"):
        score_from_output(x, x, torch.ones(1), SDE, "x0")
