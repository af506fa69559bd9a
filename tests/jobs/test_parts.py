"""Parts of a job: each thing is in one of them, and nothing else is a part."""

import pytest

from scoresubnet.jobs.parts import Part


def test_as_users_write_them() -> None:
    assert Part.read("3/16") == Part(3, 16)
    assert Part.read(None) == Part.read("1/1") == Part()
    for text in ("0/4", "5/4", "1/0", "3", "a/b", "-1/4", "1/4/2", "1/200000"):
        with pytest.raises(ValueError, match="part"):
            Part.read(text)


@pytest.mark.parametrize("count", [0, 1, 7, 16, 1000])
def test_every_thing_is_in_one_part(count: int) -> None:
    shares = [Part(k, 16).take(range(count)) for k in range(1, 17)]
    assert sorted(k for share in shares for k in share) == list(range(count))
    assert [len(share) for share in shares] == [Part(k, 16).share(count) for k in range(1, 17)]
    assert [[k for k in range(count) if Part(n, 16).has(k)] for n in range(1, 17)] == [
        list(share) for share in shares
    ]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert list(Part().take(range(count))) == list(range(count))


def test_files_of_a_whole_job_have_the_plain_name() -> None:
    assert (Part().is_all, Part().suffix) == (True, "")
    assert (Part(3, 16).is_all, Part(3, 16).suffix) == (False, ".3-of-16")
