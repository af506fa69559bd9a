"""Items on threads of their own."""

import os
import threading

import pytest
import torch
from threadpoolctl import threadpool_info

from scoresubnet.process.threads import cores, each_on_a_thread


def products() -> set[int]:
    """The threads that numpy's matrix products have."""
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


def test_the_number_of_threads_is_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, expected in (("3", 3), (" 4,2 ", 4), ("12", 12)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert cores() == expected
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 4}, raising=False)
    for nothing in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert cores() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores() == os.cpu_count()


def test_items_keep_their_order_and_run_side_by_side(two_threads: None) -> None:
    meeting = threading.Barrier(2, timeout=20)  # passed only if two items are under way at once

    def inside(item: int) -> int:
        meeting.wait()
        return item + torch.get_num_threads()

    assert each_on_a_thread(inside, range(4)) == [1, 2, 3, 4]


def test_threads_of_torch_and_of_products_are_as_before(two_threads: None) -> None:
    def fails(item: int) -> int:
        raise ArithmeticError("of the item")

    before = products()
    with pytest.raises(ArithmeticError, match="of the item"):
        each_on_a_thread(fails, range(2))
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert (torch.get_num_threads(), later) == (2, [2])
    assert products() == before


@pytest.mark.parametrize("count", [1, 2])
def test_products_have_one_thread(two_threads: None, count: int) -> None:
    def inside(item: int) -> set[int]:
        each_on_a_thread(lambda within: within, [item])  # who leaves sets free no one else's
        return products()

    assert each_on_a_thread(inside, range(count)) == [{1}] * count


def test_one_item_stays_and_has_all_threads_of_torch(two_threads: None) -> None:
    (where,) = each_on_a_thread(
        lambda item: (threading.get_ident(), torch.get_num_threads()), range(1)
    )
    assert where == (threading.get_ident(), 2)


def test_even_one_item_may_have_one_thread(two_threads: None) -> None:
    inside = each_on_a_thread(lambda item: torch.get_num_threads(), range(1), fewest=1)
    assert (inside, torch.get_num_threads()) == ([1], 2)
