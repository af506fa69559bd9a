"""`python -m scoresubnet.experiments.own_words`, which names the extra of a missing package."""

import sys

from scoresubnet.process.missing import hint

if __name__ == "__main__":  # processes that joblib starts import this file under another name
    try:
        from scoresubnet.experiments.own_words.command import main
    except ModuleNotFoundError as error:
        sys.exit(f"own_words: {error}{hint(error, 'adapt')}")
    sys.exit(main())
