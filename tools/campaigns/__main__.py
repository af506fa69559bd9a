"""The command line of the campaigns."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # forks want no threads


def main() -> int:
    """0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tools.campaigns", description=__doc__)
    parser.add_argument("campaign", choices=("inputs", "kills", "batches"))
    parser.add_argument("--count", type=int, help="inputs (10000) or kills (200, 50)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="KIND:NUMBER", action="append", help="these inputs alone")
    parser.add_argument("--keep", type=Path, help="folder for the findings, a new one if left out")
    values = parser.parse_args()
    from tools.campaigns.sandbox import preload

    keep = (values.keep or Path(tempfile.mkdtemp(prefix="campaign-"))).resolve()
    preload(keep / "home")
    if values.campaign == "inputs":
        from tools.campaigns.inputs import campaign
        from tools.campaigns.kinds import SHARES, kinds

        count = values.count or 10_000
        wanted = [(kind, n) for kind, share in SHARES.items() for n in range(round(count * share))]
        if values.only:
            wanted = [(kind, int(n)) for kind, n in (only.split(":") for only in values.only)]
        found = campaign(kinds(keep / "material"), wanted, values.seed, keep)
    else:
        from tools.campaigns.commands import batches, trainings
        from tools.campaigns.kills import campaign as kill

        make, count = (trainings, 200) if values.campaign == "kills" else (batches, 50)
        found = kill(make(keep / "material"), values.count or count, values.seed, keep)
    print(f"{found} findings, kept in {keep}" if found else "nothing was found")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
