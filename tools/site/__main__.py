"""The command line: `python -m tools.site`, which `make docs` runs."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tools.site.build import build
from tools.site.pages import ROOT


def main() -> int:
    """0 if the site was built; 1 if a page has a fault, which was said."""
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="folder of the site (site)")
    try:
        build(parser.parse_args().out, ROOT / "build" / "site")
    except ValueError as fault:
        print(f"tools.site: {fault}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1  # Zensical has said why
    return 0


if __name__ == "__main__":
    sys.exit(main())
