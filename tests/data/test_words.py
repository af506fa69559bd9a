import unicodedata

import pytest

from scoresubnet.data.words import MOST_BYTES, as_aliases, as_labels, as_word, resolve_words

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


def test_aliases_are_other_spellings_of_labels() -> None:
    labels = (UBER, "no")
    found = as_aliases({"nein": "no", UBER_APART.upper(): UBER_APART}, labels)
    assert found == {"nein": "no", UBER.upper(): UBER}
    assert as_aliases({}, labels) == {}


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ([("nein", "no")], "no mapping"),
        ("nein", "no mapping"),
        (None, "no mapping"),
        ({"nein": "non"}, "unknown label 'non'; .*: no, .*; the alias 'nein' is to stand for it"),
        ({"nein": 1}, "unknown label '1'"),
        ({"nein": "none"}, "unknown label 'none'"),
        ({"a": "nein", "nein": "no"}, "unknown label 'nein'"),
        ({"none": "no"}, "'none' of 'no' is a label itself"),
        ({"no": "no"}, "'no' of 'no' is a label itself"),
        ({UBER_APART: "no"}, f"'{UBER}' of 'no' is a label itself"),
        ({"Ü": "no", unicodedata.normalize("NFD", "Ü"): "no"}, "'Ü' is named twice"),
        ({"../x": "no"}, "the alias '../x' has a slash"),
        ({" nein": "no"}, "the alias ' nein' begins or ends with a space"),
        ({1: "no"}, "the alias 1 is no text"),
    ],
)
def test_aliases_that_contradict_the_labels(aliases: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_aliases(aliases, (UBER, "no"))
