"""What jsonargparse finds wrong with a value, in plain words and in one line."""

from __future__ import annotations

import re

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}
_KINDS |= dict.fromkeys(("tuple", "list"), "a list") | {"dict": "a mapping"}
_KEY = re.compile(r'Parser key "(?P<key>[^"]+)": .*')
_WANTED = re.compile(
    r"Expected an? (?:<class '(?P<kind>\w+)'>|typing\.Literal\[(?P<choices>.*?)\])"
)
_VALUE = re.compile(r"Given value: (?P<given>.*)|Got value: (?P<got>.*)")


def plainly(message: str) -> str:
    """The message of an error of the parser: `<option>: <value> is not <what it should be>`.

    Of several types that a value may have, the first is named. Where the message is of another
    form it is only put into one line.
    """
    line = " ".join(message.split())
    found = _KEY.fullmatch(line)
    wanted = _WANTED.search(line)
    given = re.search("Given value: (.*)", line) or re.search("Got value: (.*)", line)
    if not found or not wanted or not given:
        return line
    kind = _KINDS.get(wanted["kind"] or "", wanted["kind"])
    choices = (wanted["choices"] or "").replace("'", "").replace(", ", " or ")
    return f"{found['key']}: {given[1]!r} is not {choices or kind}"
