"""Where the real recordings are, and tiny models."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from scoresubnet.adaptation.head import HeadConfig
from scoresubnet.backbone import FrozenClassifier
from scoresubnet.model import ScoreModel
from scoresubnet.networks.classifier import Classifier, ClassifierConfig
from scoresubnet.networks.subnet import ScoreSubnet, SubnetConfig
from scoresubnet.networks.unet import UNet, UNetConfig
from scoresubnet.sde import VPSDE

_DIED = pytest.StashKey[bool]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Note that a process of pytest-xdist has died."""
    if error:
        node.config.stash[_DIED] = True


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where a process has died: if none of its tests had begun, pytest-xdist would not."""
    if session.config.stash.get(_DIED, False):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder with `speech_commands` and `fsdd`; without it tests skip, but fail under CI."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SCORESUBNET_DATA", default))
    if not (folder / "speech_commands").is_dir() or not (folder / "fsdd").is_dir():
        message = f"No recordings in {folder}; set SCORESUBNET_DATA to their folder."
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def flac() -> Callable[..., Path]:
    """flac(path, audio, claimed) -> the path of a 16 kHz FLAC whose header claims so many samples.

    None at all are claimed by 0, as by an encoder that writes to a pipe.
    """

    def write(path: Path, audio: np.ndarray, claimed: int) -> Path:
        soundfile.write(path, audio, 16_000)
        content = bytearray(path.read_bytes())
        numbers = int.from_bytes(content[18:26])  # rate, channels, width, and samples in 36 bits
        content[18:26] = (numbers >> 36 << 36 | claimed).to_bytes(8)
        path.write_bytes(content)
        return path

    return write


# Tiny models for the tests of networks, guidance, weights and training.
TINY = ClassifierConfig(widths=(8, 16), blocks=(1, 1), bottleneck_blocks=1, patch=4, time_dim=16)


@pytest.fixture(scope="session")
def fill() -> Callable[..., Any]:
    """fill(module, seed=0) -> the same module with random weights.

    Fresh networks have layers of zeros (in ResBlock and OutputHead), and zeros hide mistakes.
    """

    def fill(module: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in module.parameters():
                spread = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.2
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(spread * noise + (parameter if parameter.dim() == 1 else 0))
        return module

    return fill


@pytest.fixture(scope="session")
def tiny() -> ClassifierConfig:
    """A classifier of 20 x 16 and 10 x 8 taps, which windows of 10 x 8 divide."""
    return TINY


@pytest.fixture
def make_score_model(fill: Callable[..., Any]) -> Callable[..., ScoreModel]:
    """make_score_model(parametrisation, classes, **subnet fields) -> a new, filled tiny model."""

    def make(parametrisation: str = "epsilon", classes: int = 3, **subnet: Any) -> ScoreModel:
        backbone = FrozenClassifier(fill(Classifier(TINY, classes)))
        shape: dict[str, Any] = {"widths": (8, 8, 8, 8), "blocks": (1, 1, 1, 1), "time_dim": 16}
        decoder = fill(ScoreSubnet(SubnetConfig(**(shape | subnet)), TINY), seed=1)
        return ScoreModel(backbone, decoder, VPSDE(), parametrisation).eval()

    return make


@pytest.fixture
def make_unet(fill: Callable[..., Any]) -> Callable[..., UNet]:
    """make_unet(classes, **fields) -> a new, filled tiny U-Net."""

    def make(classes: int = 3, **fields: Any) -> UNet:
        shape: dict[str, Any] = {"widths": (8, 16), "blocks": (1, 1), "up_blocks": (1, 1)}
        shape |= {"bottleneck_blocks": 1, "patch": 4, "time_dim": 16}
        made: UNet = fill(UNet(UNetConfig(**(shape | fields)), classes), seed=2)
        return made.eval()

    return make


@pytest.fixture(scope="session")
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """x (3, 1, 80, 64), t (3,), labels (3,) for the tiny models."""
    x = torch.randn(3, 1, 80, 64, generator=torch.Generator().manual_seed(2))
    return x, torch.tensor([0.05, 0.4, 0.9]), torch.tensor([2, 0, 1])


@pytest.fixture
def few_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer copies and steps for the head of an adaptation than a user's run has."""
    few = partial(HeadConfig, most_copies=6, steps=60, batch_size=32)
    monkeypatch.setattr("scoresubnet.adaptation.words.HeadConfig", few)


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """with full_disk(n): no file grows beyond n bytes; the system refuses it ("File too large")."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def full_disk(most: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full_disk


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two items are worked on at once, and torch has two threads, whatever the machine has."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


# Splits are a hash of the name; tests/data/test_folder.py freezes them.
TAKES = {
    "training": ("take0", "take2", "take4", "take5"),
    "validation": ("take13", "take31"),
    "testing": ("take1",),
}


@pytest.fixture(scope="session")
def words_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hum/*.wav are low tones, hiss/*.wav is noise; seven takes each."""
    root = tmp_path_factory.mktemp("words")
    random = np.random.default_rng(0)
    time = np.arange(16_000) / 16_000
    for n, take in enumerate(take for takes in TAKES.values() for take in takes):
        hum = 0.3 * np.sin(2 * np.pi * (120 + 20 * n) * time)
        for word, sound in (("hum", hum), ("hiss", 0.1 * random.standard_normal(16_000))):
            (root / word).mkdir(exist_ok=True)
            soundfile.write(root / word / f"{take}.wav", sound.astype(np.float32), 16_000)
    return root
