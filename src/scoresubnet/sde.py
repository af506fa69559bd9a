"""The variance-preserving SDE: the only home of beta and of what turns t into sigma and SNR."""

from __future__ import annotations

from dataclasses import dataclass

from scoresubnet.arrays import Array, array_namespace


@dataclass(frozen=True)
class VPSDE:
    """Forward VP-SDE, dX = -1/2 beta(t) X dt + sqrt(beta(t)) dW for t in (0, 1] (paper, eq. 1).

    Its marginal is X_t = alpha(t) X_0 + sigma(t) eps with alpha^2 + sigma^2 = 1. The paper leaves
    the end points open; the defaults are those of Song et al. 2021.

    Attributes:
        beta_min: beta at t = 0.
        beta_max: beta at t = 1; beta is linear in between.
        t_eps: smallest time that is trained and sampled.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    t_eps: float = 1e-3

    def __post_init__(self) -> None:
        # Beyond these, alpha, sigma or their differences vanish in float32.
        if not (0 < self.beta_min <= self.beta_max and 0.01 <= self.beta_max <= 100):
            raise ValueError(
                "need 0 < beta_min <= beta_max and 0.01 <= beta_max <= 100, "
                f"got {self.beta_min}, {self.beta_max}"
            )
        if not 1e-6 <= self.t_eps <= 0.5:
            raise ValueError(f"t_eps must lie between 1e-6 and 0.5, got {self.t_eps}")

    def beta(self, t: Array) -> Array:
        """beta(t), same shape as t."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def log_alpha(self, t: Array) -> Array:
        """log alpha(t) = -1/2 (integral of beta from 0 to t), same shape as t."""
        return -0.5 * (self.beta_min * t + 0.5 * (self.beta_max - self.beta_min) * t**2)

    def alpha(self, t: Array) -> Array:
        """alpha(t), the scale of the signal, same shape as t."""
        return array_namespace(t).exp(self.log_alpha(t))

    def sigma(self, t: Array) -> Array:
        """sigma(t), the standard deviation of the noise, same shape as t."""
        xp = array_namespace(t)
        return xp.sqrt(-xp.expm1(2 * self.log_alpha(t)))

    def log_snr(self, t: Array) -> Array:
        """log(alpha / sigma), half the logarithm of the signal-to-noise power ratio."""
        return self.log_alpha(t) - array_namespace(t).log(self.sigma(t))

    def time_of_log_snr(self, log_snr: Array) -> Array:
        """The t at which log(alpha / sigma) has the given value: the inverse of `log_snr`."""
        xp = array_namespace(log_snr)
        c = 0.5 * xp.logaddexp(-2 * log_snr, xp.zeros_like(log_snr))  # -log alpha
        a, b = 0.25 * (self.beta_max - self.beta_min), 0.5 * self.beta_min
        # a t^2 + b t = c, solved in the form that cancels nothing.
        return 2 * c / (b + xp.sqrt(b**2 + 4 * a * c))

    def perturb(self, x0: Array, noise: Array, t: Array) -> Array:
        """X_t = alpha(t) x0 + sigma(t) noise.

        Args:
            x0: clean data (B, ...).
            noise: standard normal, same shape as x0.
            t: times (B,).
        """
        alpha, sigma = over_batch(self.alpha(t), x0), over_batch(self.sigma(t), x0)
        return alpha * x0 + sigma * noise


def over_batch(values: Array, x: Array) -> Array:
    """Reshape per-item values (B,) so that they broadcast against x (B, ...).

    Raises:
        ValueError: the two batch sizes differ.
    """
    if values.shape != x.shape[:1]:
        raise ValueError(f"expected one value per item, ({len(x)},), got {tuple(values.shape)}")
    return values.reshape(-1, *[1] * (x.ndim - 1))


def norm_of_each(x: Array) -> Array:
    """The norm of each item of x (B, ...): (B, 1, ...), at least the smallest number above 0."""
    xp = array_namespace(x)
    norm = xp.linalg.vector_norm(x, axis=tuple(range(1, x.ndim)), keepdims=True)
    return xp.clip(norm, min=float(xp.finfo(x.dtype).smallest_normal))
