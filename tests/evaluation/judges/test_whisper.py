"""The forced choice, with a made-up scorer and with a tiny, untrained Whisper of CTranslate2."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch

from scoresubnet.evaluation.judges.whisper import ForcedChoice, Whisper, log_mel, spellings
from scoresubnet.weight_files.file_metadata import WeightsError

NOISE = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


class Letters:
    """A token a letter; log-probabilities are drawn from the samples and the tokens."""

    def __init__(self, likes: str = "", pieces: Sequence[str] = ()) -> None:
        self.settings = {"weights": "none"}
        self.likes, self.pieces = likes, pieces

    def tokens(self, text: str) -> tuple[int, ...]:
        for k, piece in enumerate(self.pieces):
            if text.startswith(piece):
                return (1000 + k, *self.tokens(text.removeprefix(piece)))
        return tuple(map(ord, text))

    def log_probabilities(self, audio, sequences):
        seed = int(np.abs(audio).sum() * 1e3)
        found = [np.random.default_rng([seed, *s]).uniform(-9, -5) for s in sequences]
        liked = self.tokens(self.likes)
        return np.array([0.0 if s == liked else p for s, p in zip(sequences, found, strict=True)])


def test_a_transcript_may_spell_a_word_in_several_ways() -> None:
    assert spellings("seven") == (" seven", " Seven", " 7")
    assert spellings("zero") == (" zero", " Zero", " 0")
    assert spellings("happy") == (" happy", " Happy")
    assert spellings("7") == (" 7",)


@pytest.mark.parametrize("likes", [" seven", " Seven", " 7"])
def test_any_spelling_of_the_most_probable_word_is_heard(likes: str) -> None:
    choice = ForcedChoice("SC09", Letters(likes))
    assert choice.recognise(NOISE, 16_000) == "seven"
    assert choice.probabilities(NOISE).argmax() == 7


def test_probabilities_of_spellings_are_added() -> None:
    """Two of one word at 0.02 each weigh more than one of another at 0.03."""

    class Fixed(Letters):
        def log_probabilities(self, audio, sequences):
            values = {" up": 0.02, " Up": 0.02, " left": 0.03, " Left": 1e-9}
            known = {self.tokens(text): value for text, value in values.items()}
            return np.log([known[s] for s in sequences])

    shares = ForcedChoice(["left", "up"], Fixed()).probabilities(NOISE)
    np.testing.assert_allclose(shares, [3 / 7, 4 / 7], rtol=1e-6)
    assert ForcedChoice(["left", "up"], Fixed()).recognise(NOISE, 16_000) == "up"


def test_very_small_probabilities_are_still_compared() -> None:
    class Tiny(Letters):
        def log_probabilities(self, audio, sequences):
            return super().log_probabilities(audio, sequences) - 5000

    shares = ForcedChoice("SC09", Tiny(" 4")).probabilities(NOISE)
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 4


def test_a_spelling_that_begins_with_another_of_its_word_is_counted_once() -> None:
    """The probability of the shorter one includes that of the longer."""

    class Joined(Letters):
        def tokens(self, text: str) -> tuple[int, ...]:
            return {" go": (1,), " Go": (1, 2), " up": (3,), " Up": (4,)}[text]

        def log_probabilities(self, audio, sequences):
            assert list(sequences) == [(1,), (3,), (4,)]
            return np.zeros(3)

    shares = ForcedChoice(["go", "up"], Joined()).probabilities(NOISE)
    np.testing.assert_allclose(shares, [1 / 3, 2 / 3])


def test_words_that_begin_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="'back' and 'backward' begin with the same tokens"):
        ForcedChoice(["back", "backward"], Letters())
    with pytest.raises(ValueError, match="'backward' and 'back'"):
        ForcedChoice(["backward", "back"], Letters())
    # As tokens of their own they differ from the first on.
    ForcedChoice(["back", "backward"], Letters(pieces=(" backward", " Backward")))
    with pytest.raises(ValueError, match="named twice"):
        ForcedChoice(["up", "up"], Letters())


def test_audio_is_brought_to_16_khz_and_must_be_usable() -> None:
    heard = []

    class Listening(Letters):
        def log_probabilities(self, audio, sequences):
            heard.append(audio)
            return super().log_probabilities(audio, sequences)

    choice = ForcedChoice(["up", "down"], Listening())
    choice.recognise(NOISE, 8000)
    np.testing.assert_array_equal(heard[0], soxr.resample(NOISE, 8000, 16_000))
    assert choice.settings == {"words": ["up", "down"], "weights": "none"}
    for bad in (np.zeros(0), np.array([np.nan]), np.zeros((2, 9))):
        with pytest.raises(ValueError, match="finite samples"):
            choice.recognise(bad, 16_000)


@pytest.mark.parametrize("bands", [80, 128])
def test_the_front_end_is_that_of_transformers(bands: int) -> None:
    from transformers import WhisperFeatureExtractor

    for audio in (NOISE, np.zeros(5, dtype=np.float32)):
        features = WhisperFeatureExtractor(feature_size=bands)(
            audio, sampling_rate=16_000, return_tensors="np"
        )
        np.testing.assert_allclose(log_mel(audio, bands), features.input_features[0], atol=1e-4)
    with pytest.raises(ValueError, match="longer than 30 s"):
        log_mel(np.zeros(480_001, dtype=np.float32))


# A seeded, untrained Whisper of two layers, with letters for tokens.


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory):
    """(the network of transformers, its folder)."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    special = ["endoftext", "startoftranscript", "en", "transcribe", "notimestamps"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: k for k, c in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([f"<|{name}|>" for name in special])
    config = WhisperConfig(
        vocab_size=261,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_target_positions=32,
        pad_token_id=256,
        bos_token_id=256,
        eos_token_id=256,
        decoder_start_token_id=257,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = WhisperForConditionalGeneration(config).eval()
    folder = tmp_path_factory.mktemp("transformers")
    network.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return network, folder


@pytest.fixture(scope="module")
def folder(needs_ctranslate2, network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `ct2-transformers-converter` writes it."""
    from ctranslate2.converters import TransformersConverter

    converted = tmp_path_factory.mktemp("ctranslate2") / "tiny"
    TransformersConverter(str(network[1]), copy_files=["tokenizer.json"]).convert(str(converted))
    return converted


def test_scores_are_those_of_the_network(folder: Path, network) -> None:
    """Sums of log-probabilities among tokens of text, as transformers computes them."""
    whisper = Whisper(folder)
    sequences = [whisper.tokens(text) for text in (" seven", " no", " 7")]
    assert [len(s) for s in sequences] == [6, 3, 2]
    expected = []
    features = torch.from_numpy(log_mel(NOISE))[None]
    for sequence in sequences:
        start = torch.tensor([[257, 260, *sequence]])
        with torch.no_grad():
            logits = network[0](input_features=features, decoder_input_ids=start).logits
        chosen = logits[0, 1:-1, :256].log_softmax(-1)[range(len(sequence)), list(sequence)]
        expected.append(chosen.sum().item())
    np.testing.assert_allclose(whisper.log_probabilities(NOISE, sequences), expected, rtol=1e-4)
    np.testing.assert_array_equal(
        whisper.log_probabilities(NOISE, sequences[::-1])[::-1],
        whisper.log_probabilities(NOISE, sequences),
    )


def test_a_choice_is_made_by_it(folder: Path) -> None:
    choice = ForcedChoice("SC09", Whisper(folder))
    shares = choice.probabilities(NOISE)
    assert shares.shape == (10,)
    assert shares.sum() == pytest.approx(1)
    assert choice.recognise(NOISE, 16_000) == choice.words[shares.argmax()]
    assert json.loads(json.dumps(choice.settings))["language"] == "en"


def test_settings_are_those_of_the_files(folder: Path, tmp_path: Path) -> None:
    first = Whisper(folder, threads=1)
    other = shutil.copytree(folder, tmp_path / "other")
    assert Whisper(other).settings == first.settings
    text = (other / "tokenizer.json").read_text()
    (other / "tokenizer.json").write_text(text + "\n")
    assert Whisper(other).settings["weights"] != first.settings["weights"]


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_what_is_missing_or_damaged_is_told(folder: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    for damage in (b"", b"hello", (copy / name).read_bytes()[:100]):
        (copy / name).write_bytes(damage)
        with pytest.raises(WeightsError, match="not a Whisper model"):
            Whisper(copy)
    (copy / name).write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(WeightsError, match=rf"{name}: a Git LFS pointer"):
        Whisper(copy)
    (copy / name).unlink()
    with pytest.raises(WeightsError, match=f"there is no {name}"):
        Whisper(copy)


def test_other_folders_are_refused(folder: Path, network, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"there is no model\.bin"):
        Whisper(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match=r"there is no model\.bin"):
        Whisper(network[1])  # not converted
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match="no alignment_heads"):
        Whisper(copy)
    text = (folder / "tokenizer.json").read_text().replace("startoftranscript", "begin")
    (copy / "config.json").write_text((folder / "config.json").read_text())
    (copy / "tokenizer.json").write_text(text)
    with pytest.raises(WeightsError, match=r"no <\|startoftranscript\|>"):
        Whisper(copy)


@pytest.mark.parametrize("package", ["ctranslate2", "tokenizers"])
def test_a_missing_package_says_what_to_install(package: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "scoresubnet\[whisper\]"'):
        Whisper(tmp_path)
