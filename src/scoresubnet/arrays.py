"""What the mathematics works on: torch's tensors or numpy's arrays, by the array API standard.

Code in this form asks an array for its library, `xp = array_namespace(x)`, and uses what the
standard has (https://data-apis.org/array-api), by array-api-compat.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, to_device
from numpy.typing import NDArray

Array: TypeAlias = Any
"""torch.Tensor or numpy.ndarray; both in one call are an error of the library."""

__all__ = ["Array", "array_namespace", "device", "full_like_items", "place_like", "to_numpy"]


def full_like_items(value: float, x: Array) -> Array:
    """The value for every item of x (B, ...): (B,), in the type and place of x."""
    xp = array_namespace(x)
    return xp.full((x.shape[0],), float(value), dtype=x.dtype, device=device(x))


def place_like(x: Array, like: Array, dtype: Any = None) -> Array:
    """x in the library and place of another array, in its own dtype or the one named."""
    xp = array_namespace(like)
    return xp.asarray(x, device=device(like), dtype=None if dtype is None else getattr(xp, dtype))


def to_numpy(x: Array) -> NDArray[Any]:
    """x as an array of numpy."""
    return np.asarray(to_device(x, "cpu"))
