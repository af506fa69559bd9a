import pytest

from scoresubnet.options.registries import find, nearest_names


def test_finds_what_is_there() -> None:
    assert find("fruit", "pear", {"apple": 1, "pear": 2}) == 2


def test_names_the_kind_and_all_entries_nearest_first() -> None:
    registry = {"apple": 1, "cherry": 2, "pear": 3}
    with pytest.raises(ValueError, match=r"unknown fruit 'peer'; nearest first, there are: pear, "):
        find("fruit", "peer", registry)
    with pytest.raises(ValueError, match="cherry") as error:
        find("fruit", "aple", registry)
    assert "there are: apple" in str(error.value)
    assert "pear" in str(error.value)


def test_an_empty_registry_is_no_other_error() -> None:
    with pytest.raises(ValueError, match="unknown fruit 'pear'"):
        find("fruit", "pear", {})


def test_nearest_names_are_sorted_and_limited() -> None:
    assert nearest_names("peer", ["apple", "cherry", "pear"])[0] == "pear"
    assert sorted(nearest_names("peer", ["apple", "cherry", "pear"])) == ["apple", "cherry", "pear"]
    assert nearest_names("peer", ["apple", "pear"], most=1) == ["pear"]
    assert nearest_names("xyz", ["apple", "pear"], cutoff=0.6) == []
    assert nearest_names(3, []) == []
