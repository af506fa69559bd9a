"""Errors of the parser in plain words; the messages are jsonargparse's, of 4.53."""

import pytest

from scoresubnet.options.errors import plainly

UNION = (
    'Parser key "steps":\n  Does not validate against any of the Union subtypes\n  Subtypes: '
    "[<class 'int'>, <class 'NoneType'>]\n  Errors:\n    - Expected a <class 'int'>. Got value: "
    "True\n    - Expected a <class 'NoneType'>. Got value: True\n  Given value type: <class 'str'>"
    "\n  Given value: yes"
)


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        (UNION, "steps: 'yes' is not a whole number"),
        (
            "Parser key \"precision\": Expected a typing.Literal['32-true', 'bf16-mixed']. "
            "Got value: x",
            "precision: 'x' is not 32-true or bf16-mixed",
        ),
        (
            "Parser key \"data.sources\": Expected a <class 'tuple'>. Got value: 3",
            "data.sources: '3' is not a list",
        ),
        ("while parsing\n  a flow node", "while parsing a flow node"),
        ('Parser key "x": something\nelse', 'Parser key "x": something else'),
    ],
)
def test_an_error_in_plain_words(message: str, plain: str) -> None:
    assert plainly(message) == plain
