"""Install torch into the running Python: the CPU build, unless this machine has an NVIDIA GPU.

The default wheel for Linux brings gigabytes of CUDA. The CPU wheel is tried where pip looks anyway
(an index or folder of your own), then through uv, which knows where CPU wheels are published.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "2.13.0"


def main() -> int:
    if importlib.util.find_spec("torch"):
        return 0
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    default = [*pip, f"torch=={VERSION}"]
    if sys.platform != "linux" or shutil.which("nvidia-smi"):
        return subprocess.call(default)
    print(f"installing torch {VERSION} for the CPU", flush=True)
    if subprocess.call([*pip, f"torch=={VERSION}+cpu"], stderr=subprocess.DEVNULL) == 0:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        uv = Path(folder) / "bin" / "uv"
        command = [str(uv), "pip", "install", "--quiet", "--python", sys.executable]
        if (
            subprocess.call([*pip, "--target", folder, "uv"]) == 0
            and subprocess.call([*command, "--torch-backend", "cpu", f"torch=={VERSION}"]) == 0
        ):
            return 0
    print("no CPU wheel could be had; falling back to the default one (large)", flush=True)
    return subprocess.call(default)


if __name__ == "__main__":
    sys.exit(main())
