"""Sessions of onnxruntime: as many threads as asked for, and no chatter."""

from __future__ import annotations

from typing import Any

import torch


def session_options(threads: int | None) -> Any:
    """Options of an onnxruntime session.

    Args:
        threads: of the network; as many as torch uses if None.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    return options
