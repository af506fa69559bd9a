"""The former place of the lessons of the evaluator, for one more release: `recipes/lessons.py`."""

import sys
from importlib import import_module

if __name__ == "__main__":
    print("scoresubnet.experiments.lessons is python -m recipes.lessons now", file=sys.stderr)
    try:
        sys.exit(import_module("recipes.lessons").main())
    except ModuleNotFoundError:
        sys.exit("run it in a checkout of the repository, which has the folder recipes/")
