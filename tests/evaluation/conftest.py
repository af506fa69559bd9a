"""A recogniser for the tests of this folder."""

import importlib.util
import os

import pytest

from scoresubnet.evaluation.intelligibility import WordRecogniser


@pytest.fixture(scope="session")
def recogniser() -> WordRecogniser:
    """Knows the 18 words; without pocketsphinx tests skip, but fail under CI."""
    if importlib.util.find_spec("pocketsphinx") is None:
        message = "pocketsphinx is not installed."
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    return WordRecogniser("WORDS18")
