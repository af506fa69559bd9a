import pytest
import yaml

from scoresubnet.options.plain_yaml import load


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (
            "[yes, No, on, OFF, null, ~, 1, 0x1F, 01, 1_000, 1e3, true, 2024-01-01, 12:30:45, =]",
            [
                *("yes", "No", "on", "OFF", "null", "~", "1", "0x1F", "01", "1_000", "1e3"),
                *("true", "2024-01-01", "12:30:45", "="),
            ],
        ),
        ("- null\n-\n- 'no'\n- [no]", ["null", "", "no", ["no"]]),
        (
            "a: null\nb: ~\nc:\nd: 'null'\ne: no\non: 1",
            {"a": None, "b": None, "c": None, "d": "null", "e": "no", "on": "1"},
        ),
        (
            "a: &a {words: &w [yes]}\nb: {<<: *a, n: 1}\nc: *w",
            {"a": {"words": ["yes"]}, "b": {"words": ["yes"], "n": "1"}, "c": ["yes"]},
        ),
        ('{"a": null, "b": ["null", "1"]}', {"a": None, "b": ["null", "1"]}),
    ],
)
def test_plain_values_are_text(text: str, content: object) -> None:
    assert load(text) == content


def test_nothing_is_made_but_plain_values() -> None:
    with pytest.raises(yaml.YAMLError):
        load("!!python/object/apply:os.getcwd []")
