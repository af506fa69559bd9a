"""`python -m scoresubnet`: the same as the command `scoresubnet`."""

import sys

from scoresubnet.cli import main

if __name__ == "__main__":  # processes that joblib starts import this file under another name
    sys.exit(main())
