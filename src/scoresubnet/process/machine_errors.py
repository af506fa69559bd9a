"""Errors that the machine is to blame for, told by what libraries say; torch has few types."""

from __future__ import annotations

import re

_MEMORY = "out of memory|not enough memory|allocate memory|could not create a primitive"  # oneDNN's
_GPU = "CUDA|cuDNN|CUBLAS"


def machine_error(error: Exception) -> str | None:
    """What the machine lacks and what to do, in a sentence; None where it is not to blame."""
    first = str(error).partition("\n")[0]
    if isinstance(error, MemoryError):
        return _no_memory(first)
    if not isinstance(error, RuntimeError):
        return None
    if re.search(_MEMORY, first):
        return _no_memory(first)
    if "cannot cache function" in first:  # numba
        return f"{first}; set NUMBA_CACHE_DIR to a folder that can be written"
    if "start new thread" in first:
        return f"no more threads ({first}); close other programs, or raise `ulimit -u`"
    if re.search(_GPU, first):
        return f"the GPU cannot be used ({first}); CUDA_VISIBLE_DEVICES= does without it"
    return None


def _no_memory(why: str) -> str:
    return f"not enough memory ({why}); close other programs, or ask for less at once"
