"""From a network's output to the score: the one home of sign, 1/sigma and parametrisation.

With X_t = alpha X_0 + sigma eps, a network predicts either the noise `epsilon` (the paper) or the
velocity `v` = alpha eps - sigma X_0 (Salimans & Ho 2022), from which eps = sigma X_t + alpha v.
In both cases the score is grad log p_t(X_t) = -eps / sigma (paper, eq. 4).
"""

from __future__ import annotations

from collections.abc import Callable

from scoresubnet.arrays import Array
from scoresubnet.sde import VPSDE, over_batch

ScoreFunction = Callable[[Array, Array], Array]
"""score_fn(x (B, 1, F, T), t (B,)) -> score, same shape as x."""


def epsilon_target(x0: Array, noise: Array, t: Array, sde: VPSDE) -> Array:
    """The target of an `epsilon` network: the noise itself."""
    return noise


def v_target(x0: Array, noise: Array, t: Array, sde: VPSDE) -> Array:
    """The target of a `v` network: v = alpha eps - sigma x0."""
    return over_batch(sde.alpha(t), x0) * noise - over_batch(sde.sigma(t), x0) * x0


def epsilon_from_epsilon(output: Array, x: Array, t: Array, sde: VPSDE) -> Array:
    return output


def epsilon_from_v(output: Array, x: Array, t: Array, sde: VPSDE) -> Array:
    return over_batch(sde.sigma(t), x) * x + over_batch(sde.alpha(t), x) * output


PARAMETRISATIONS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "epsilon": (epsilon_target, epsilon_from_epsilon),
    "v": (v_target, epsilon_from_v),
}
"""name -> (training target of (x0, noise, t, sde), eps of (output, x, t, sde))."""


def score_from_output(output: Array, x: Array, t: Array, sde: VPSDE, parametrisation: str) -> Array:
    """The score -eps / sigma, same shape as x (B, 1, F, T), from the network's output at (x, t)."""
    _, epsilon = PARAMETRISATIONS[parametrisation]
    return -epsilon(output, x, t, sde) / over_batch(sde.sigma(t), x)
