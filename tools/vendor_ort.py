"""Take onnxruntime-web from node_modules into the browser page, so that it needs no network.

    npm install --ignore-scripts --save-dev --save-exact onnxruntime-web@VERSION
    python -m tools.vendor_ort

Of its builds this is the one for CPUs, in a single script, and its WebAssembly, packed: 3.7 MB
instead of 14. LICENSE and ThirdPartyNotices.txt.gz, which the package lacks, are those of the wheel
of onnxruntime; take them anew with a new version.
"""

from __future__ import annotations

import gzip
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "node_modules/onnxruntime-web/dist"
FOLDER = ROOT / "src/scoresubnet/demo/ort"
SCRIPT, ASSEMBLY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"


def vendored() -> dict[str, bytes]:
    """Name -> content of what is taken; the script without its reference to a source map."""
    script = (PACKAGE / SCRIPT).read_bytes().partition(b"\n//# sourceMappingURL")[0] + b"\n"
    # `.js`, since some servers do not know the type of `.mjs`, and browsers then refuse it.
    return {"ort.js": script, "ort.wasm": (PACKAGE / ASSEMBLY).read_bytes()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    files = vendored()
    (FOLDER / "ort.js").write_bytes(files["ort.js"])
    (FOLDER / "ort.wasm.gz").write_bytes(gzip.compress(files["ort.wasm"], mtime=0))


if __name__ == "__main__":
    main()
