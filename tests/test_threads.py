"""Items on threads of their own."""

import threading

import pytest
import torch

from scoresubnet.threads import each_on_a_thread


def test_items_keep_their_order_and_run_side_by_side(two_threads: None) -> None:
    meeting = threading.Barrier(2, timeout=20)  # passed only if two items are under way at once

    def inside(item: torch.Tensor) -> torch.Tensor:
        meeting.wait()
        return item + torch.get_num_threads()

    items = [torch.full((1,), float(k)) for k in range(4)]
    assert [found.item() for found in each_on_a_thread(inside, items)] == [1, 2, 3, 4]


def test_threads_of_torch_are_as_before(two_threads: None) -> None:
    def fails(item: torch.Tensor) -> torch.Tensor:
        raise ArithmeticError("of the item")

    with pytest.raises(ArithmeticError, match="of the item"):
        each_on_a_thread(fails, [torch.zeros(1)] * 2)
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert (torch.get_num_threads(), later) == (2, [2])


def test_one_item_has_all_threads(two_threads: None) -> None:
    where: list[tuple[int, int]] = []

    def noted(item: torch.Tensor) -> torch.Tensor:
        where.append((threading.get_ident(), torch.get_num_threads()))
        return item

    each_on_a_thread(noted, [torch.zeros(1)])
    assert where == [(threading.get_ident(), 2)]


def test_even_one_item_may_have_one_thread(two_threads: None) -> None:
    inside = each_on_a_thread(lambda item: torch.get_num_threads(), [torch.zeros(1)], fewest=1)
    assert (inside, torch.get_num_threads()) == ([1], 2)
