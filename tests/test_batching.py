from collections.abc import Callable
from pathlib import Path

import pytest

from scoresubnet.batching import fitting_batch, free_mib
from scoresubnet.cost import step_mib
from scoresubnet.model import ScoreModel


@pytest.mark.parametrize(
    ("mib_a_clip", "free", "expected"),
    [(10, None, 16), (10, 1000, 16), (10, 100, 5), (10, 99.9, 4), (10, 19, 1), (10, 0, 1)],
)
def test_half_of_the_free_memory_is_taken(
    mib_a_clip: float, free: float | None, expected: int
) -> None:
    assert fitting_batch(mib_a_clip, free, most=16) == expected


def test_a_step_needs_more_memory_in_a_wider_model(
    make_score_model: Callable[..., ScoreModel],
) -> None:
    narrow, wide = (step_mib(make_score_model(widths=(w,) * 4), (80, 64)) for w in (8, 32))
    assert 0.01 < narrow < wide < 100


def test_free_memory_is_read_in_kibibytes(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9999999 kB\nMemFree:  5 kB\nMemAvailable:    2048 kB\n")
    assert free_mib(meminfo) == 2.0
    assert free_mib(tmp_path / "none") is None
