"""The machine that a result depends on besides the code."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import scoresubnet


def machine() -> dict[str, Any]:
    """Processor, threads and versions, ready for JSON."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "scoresubnet": str(Path(scoresubnet.__file__).parent),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
