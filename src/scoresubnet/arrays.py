"""What the mathematics works on: torch's tensors or numpy's arrays, by the array API standard.

Code in this form asks an array for its library, `xp = array_namespace(x)`, and uses what the
standard has (https://data-apis.org/array-api), by array-api-compat.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from array_api_compat import array_namespace, device

Array: TypeAlias = Any
"""torch.Tensor or numpy.ndarray; both in one call are an error of the library."""

__all__ = ["Array", "array_namespace", "full_like_items"]


def full_like_items(value: float, x: Array) -> Array:
    """The value for every item of x (B, ...): (B,), in the type and place of x."""
    xp = array_namespace(x)
    return xp.full((x.shape[0],), float(value), dtype=x.dtype, device=device(x))
