"""Rows survive kills, parts come together, and nobody writes where another does."""

from pathlib import Path

import pytest

from scoresubnet.expansion.manifest import Manifest, Row
from scoresubnet.jobs.parts import Part


def _row(word: str, number: int, kept: bool = True) -> Row:
    file = f"{word}/{number:06d}.wav" if kept else ""
    return Row(file, word, number, 7 * number, word, 0.9, 0.125, 'a, "b".wav', number == 1)


def _rows(folder: Path) -> list[Row]:
    manifest = Manifest(folder, Part())
    with manifest.opened():
        return list(manifest.rows.values())


def test_rows_come_back(tmp_path: Path) -> None:
    rows = [_row("hum", 0), _row("hum", 1, kept=False), _row("أهلا", 2)]
    manifest = Manifest(tmp_path, Part())
    with manifest.opened():
        manifest.add(rows[:2])
        manifest.add(rows[2:])
    assert sorted(_rows(tmp_path), key=lambda row: row.number) == rows
    kept = (tmp_path / "manifest.csv").read_text(encoding="utf-8").splitlines()
    assert kept[0] == "file,word,number,seed,heard,sure,distance,recording,near"
    assert kept[1] == 'hum/000000.wav,hum,0,0,hum,0.9,0.125,"a, ""b"".wav",False'
    assert len(kept) == 3
    assert len((tmp_path / "refused.csv").read_text().splitlines()) == 2


def test_a_line_cut_by_a_kill_is_taken_away(tmp_path: Path) -> None:
    """Wherever it was cut, in bytes."""
    manifest = Manifest(tmp_path, Part())
    with manifest.opened():
        manifest.add([_row("أهلا", 0)])
        before = manifest.kept.path.read_bytes()
        manifest.add([_row("أهلا", 1)])
    whole = manifest.kept.path.read_bytes()
    for length in range(len(before), len(whole)):
        manifest.kept.path.write_bytes(whole[:length])
        assert [row.number for row in _rows(tmp_path)] == [0]
        assert manifest.kept.path.read_bytes() == before


def test_parts_write_apart_and_come_together(tmp_path: Path) -> None:
    for number in (2, 1):
        manifest = Manifest(tmp_path, Part(number, 2))
        with manifest.opened():
            assert not any(Part(number, 2).has(row.number) for row in manifest.by_word()["hum"])
            manifest.add([_row("hum", number - 1), _row("hum", number + 1, kept=False)])
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{name}.{k}-of-2.csv" for name in ("manifest", "refused") for k in (1, 2)
    }
    whole = Manifest(tmp_path, Part())
    with whole.opened():
        assert len(whole.rows) == 4
        whole.join()
    assert {p.name for p in tmp_path.iterdir()} == {"manifest.csv", "refused.csv"}
    assert [row.number for row in _rows(tmp_path)] == [0, 1, 2, 3]
    assert [bool(row.file) for row in _rows(tmp_path)] == [True, True, False, False]


def test_a_kill_while_parts_are_joined_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Manifest(tmp_path, Part(1, 2))
    with part.opened():
        part.add([_row("hum", 0), _row("hum", 2)])

    unlink = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        if "-of-" in path.name:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        whole = Manifest(tmp_path, Part())
        with pytest.raises(KeyboardInterrupt), whole.opened():
            whole.join()
    again = Manifest(tmp_path, Part())
    with again.opened():
        again.join()
    assert len((tmp_path / "manifest.csv").read_text().splitlines()) == 3


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """Also a whole job beside a part, but not two parts."""
    with Manifest(tmp_path, Part(1, 2)).opened(), Manifest(tmp_path, Part(2, 2)).opened():
        for part in (Part(1, 2), Part()):
            with (
                pytest.raises(ValueError, match="another process is writing clips there"),
                Manifest(tmp_path, part).opened(),
            ):
                pass
    assert _rows(tmp_path) == []


@pytest.mark.parametrize("text", ["name,age\nx,3\n", "\n", "a note"])
def test_what_is_no_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.csv: is no manifest .* another --out"):
        _rows(tmp_path)
    assert (tmp_path / "manifest.csv").read_text() == text


@pytest.mark.parametrize("text", ["", "file,wo"])
def test_a_kill_before_the_first_line_is_no_harm(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    manifest = Manifest(tmp_path, Part())
    with manifest.opened():
        manifest.add([_row("hum", 0)])
    assert [row.number for row in _rows(tmp_path)] == [0]


def test_a_part_knows_what_was_put_together(tmp_path: Path) -> None:
    """Its own numbers alone are of it, also in another division; a clip is in one table."""
    whole = Manifest(tmp_path, Part())
    with whole.opened():
        whole.add([_row("hum", k, kept=k != 3) for k in range(7)])
    other = Manifest(tmp_path, Part(2, 2))
    with other.opened():
        other.add([_row("hum", 11)])
    part = Manifest(tmp_path, Part(1, 3))
    with part.opened():
        assert ("hum", 11) in part.rows
        assert [row.number for row in part.by_word()["hum"]] == [0, 1, 2, 4, 5, 6, 11, 3]
        part.add([_row("hum", 3), _row("hum", 9)])
    again = Manifest(tmp_path, Part())
    with again.opened():
        again.join()
    assert [row.number for row in _rows(tmp_path) if row.file] == [0, 1, 2, 3, 4, 5, 6, 9, 11]
    assert len((tmp_path / "refused.csv").read_text().splitlines()) == 1


def test_damage_is_named(tmp_path: Path) -> None:
    _rows(tmp_path)
    with (tmp_path / "manifest.csv").open("a") as file:
        file.write("hum/0.wav,hum,x,0,hum,1,1,a,False\n")
    with pytest.raises(ValueError, match=r"manifest\.csv: damaged \(invalid literal"):
        _rows(tmp_path)
