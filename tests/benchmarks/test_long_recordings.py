import re

import pytest

from benchmarks.long_recordings import main


def test_a_line_for_each_length(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "1", "--vocoder", "griffin-lim"]) == 0
    printed = capfd.readouterr().out
    assert re.fullmatch(r"1 s of sound: at most \d{2,4} MiB, \d+\.\d s\n", printed)
