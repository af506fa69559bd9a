"""Packages without which tests skip."""

import importlib.util
import os

import pytest


def need(package: str) -> None:
    """Skip where the package is not installed, but fail under CI."""
    if importlib.util.find_spec(package) is None:
        message = f"{package} is not installed."
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
