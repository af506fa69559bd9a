import unicodedata

import pytest

from scoresubnet.data.words import MOST_BYTES, as_labels, as_word, resolve_words

UBER = unicodedata.normalize("NFC", "über")
UBER_APART = unicodedata.normalize("NFD", UBER)
NO_WORDS = [
    *("", ".", "..", ".hidden", "../x", "a/b", "/", "a\\b", " yes", "yes ", "yes\u00a0", " "),
    *("a\nb", "a\x00b", "a\x1b[2J", "a\x7f", "a\u2028b", "\ud83d", "caf\udce9"),
    *("x" * (MOST_BYTES + 1), "ä" * (MOST_BYTES // 2 + 1), 1, None, True, ["a"], b"yes"),
]


@pytest.mark.parametrize("text", NO_WORDS)
def test_what_cannot_name_a_file_is_no_word(text: object) -> None:
    with pytest.raises(ValueError, match=r"^the word .*; (give it another name|put it in quotes)$"):
        as_word(text)
    with pytest.raises(ValueError, match="the word "):
        as_labels(["yes", text])


@pytest.mark.parametrize(
    "word",
    [
        *("yes", "null", "1", "~", "don't", "trick or treat", "$5", "<b>", "a|b", "_x_", "go-on"),
        *("con", "nul", "what?", "a.b", "你好", "😀", "\u0646\u0645\u06cc\u200c\u062f"),
        "x" * MOST_BYTES,
    ],
)
def test_words_of_all_kinds(word: str) -> None:
    assert as_labels([word, "no"]) == (word, "no")


def test_words_are_compared_in_nfc() -> None:
    assert len(UBER_APART) == len(UBER) + 1
    assert as_labels([UBER_APART, "no"]) == (UBER, "no")
    with pytest.raises(ValueError, match=f"named twice: {UBER}; name each once"):
        resolve_words(["no", UBER, UBER_APART])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["yes", "none"], "'none' is taken"),
        (["yes", "yes"], "named twice: yes"),
        ([], "empty"),
        ("yes", "no list"),
        ({"yes": 0}, "no list"),
        (3, "no list"),
    ],
)
def test_labels_of_a_model(labels: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_labels(labels)
