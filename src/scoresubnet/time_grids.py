"""Where the steps of a sampler lie: plain functions of their number."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scoresubnet.sde import VPSDE


def uniform_grid(steps: int, t_eps: float) -> NDArray[np.float64]:
    """`steps` equal steps from t = 1 down to t_eps: (steps + 1,) float64 times."""
    return np.linspace(1.0, t_eps, steps + 1)


def quadratic_grid(steps: int, t_eps: float) -> NDArray[np.float64]:
    """Equal steps of sqrt(t), shorter towards the data: (steps + 1,) float64 times.

    The "quadratic" choice of Song, Meng & Ermon 2021, appendix D.2.
    """
    return _with_ends(np.linspace(1.0, math.sqrt(t_eps), steps + 1) ** 2, t_eps)


def log_snr_grid(steps: int, sde: VPSDE) -> NDArray[np.float64]:
    """Equal steps of log(alpha / sigma): (steps + 1,) float64 times.

    The choice of Lu et al. 2022 ("DPM-Solver"): every step multiplies alpha / sigma by the same.
    """
    first, last = sde.log_snr(np.array([1.0, sde.t_eps])).tolist()
    log_snr = np.linspace(first, last, steps + 1)
    return _with_ends(sde.time_of_log_snr(log_snr), sde.t_eps)


def karras_grid(steps: int, sde: VPSDE, rho: float = 7.0) -> NDArray[np.float64]:
    """Equal steps of (sigma / alpha)^(1 / rho): (steps + 1,) float64 times.

    Karras et al. 2022, eq. 5; their sigma is sigma / alpha here, the noise on data of scale one.
    Their last step leads to sigma = 0, this one to t_eps.
    """
    first, last = sde.log_snr(np.array([1.0, sde.t_eps])).tolist()
    roots = np.linspace(math.exp(-first / rho), math.exp(-last / rho), steps + 1)
    return _with_ends(sde.time_of_log_snr(-rho * np.log(roots)), sde.t_eps)


def _with_ends(times: NDArray[np.float64], t_eps: float) -> NDArray[np.float64]:
    """The same times with their ends exactly 1 and t_eps, not a rounding error beside."""
    times[0], times[-1] = 1.0, t_eps
    return times


TIME_GRIDS: dict[str, Callable[[int, VPSDE], NDArray[np.float64]]] = {
    "uniform": lambda steps, sde: uniform_grid(steps, sde.t_eps),
    "quadratic": lambda steps, sde: quadratic_grid(steps, sde.t_eps),
    "log-snr": log_snr_grid,
    "karras": karras_grid,
}
"""name -> (steps, sde) -> decreasing times (steps + 1,) in float64, from exactly 1 to t_eps."""
