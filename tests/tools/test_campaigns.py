"""The campaigns find what is planted, and nothing else."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tqdm import tqdm

from scoresubnet.audio import decoding
from tools.campaigns import inputs, kills
from tools.campaigns.commands import Command
from tools.campaigns.kills import Unbroken
from tools.campaigns.kinds import SHARES, kinds
from tools.campaigns.sandbox import new_box
from tools.campaigns.verdicts import GOOD, Case

Answer = Callable[[Path], str | None]


def _raises(error: Exception) -> Answer:
    def answer(box: Path) -> None:
        raise error

    return answer


def _writes(name: str) -> Answer:
    def answer(box: Path) -> None:
        (box / name).write_text("x")

    return answer


def _memory(box: Path) -> None:
    bytearray(64 << 30)


def _hang(box: Path) -> None:
    signal.pause()


def _death(box: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


PLANTED: list[tuple[str, Answer]] = [
    ("result", lambda box: None),
    ("result", _writes("out/x.wav")),
    ("clear error", _raises(ValueError("x.wav: the sound is empty; record it again"))),
    ("unclear", _raises(OSError("System error."))),
    ("unclear", _raises(ValueError("x.wav: the sound\nis empty"))),
    ("traceback", _raises(TypeError("x.wav"))),
    ("hang", _hang),
    ("memory", _memory),
    ("stray", _writes("cwd/x")),
    ("stray", _writes("out/../../x")),
    ("stray", _writes("home/x")),
    ("stray", _writes("out/.x.tmp")),
    ("lost", lambda box: "good.wav was not read"),
    ("death", _death),
]


def _case(answer: Answer) -> inputs.Make:
    def make(random: random.Random, box: Path) -> Case:
        return Case(lambda: answer(box), ("x.wav",))

    return make


def test_each_planted_answer_gets_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inputs, "SECONDS", 2)
    planted = {f"{k} {verdict}": _case(answer) for k, (verdict, answer) in enumerate(PLANTED)}
    found = inputs.campaign(planted, [(kind, 0) for kind in planted], 0, tmp_path)
    assert found == sum(verdict not in GOOD for verdict, _ in PLANTED)
    columns, _, *rows = capsys.readouterr().out.splitlines()
    names = columns.split("|")[1:-1]
    for (verdict, _), row in zip(PLANTED, rows, strict=False):
        counts = dict(zip((n.strip() for n in names[1:]), row.split("|")[2:-1], strict=True))
        assert {n for n, count in counts.items() if int(count)} == {verdict}, row
    assert "TypeError: x.wav" in (tmp_path / "traceback/5 traceback-0/finding.txt").read_text()


def test_a_command_line_is_judged_in_this_process_and_in_one_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(random: random.Random, box: Path) -> Case:
        return Case(["info"], ("model",))

    assert inputs.campaign({"info": make}, [("info", 0), ("info", 49)], 0, tmp_path) == 0
    assert "| info | 0 | 2 |" in capsys.readouterr().out


def test_a_sound_that_nothing_is_wrong_with_must_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a reader that refuses all but the good ones, about half of them are lost."""
    real = decoding._blocks

    def refuse(path: Path, sample_rate: int) -> Iterator[decoding.Audio]:
        if Path(path).name != "good.wav":
            raise decoding.AudioError(f"{path}: the file is cut short")
        return real(path, sample_rate)

    monkeypatch.setattr(decoding, "_blocks", refuse)
    makes = kinds(tmp_path / "material")
    wanted = [("audio", number) for number in range(12)]
    found = [verdict for _, verdict, _ in inputs.answers(makes, wanted, 0, tmp_path)]
    assert "lost" in found
    assert set(found) <= {*GOOD, "lost"}


def test_workers_answer_where_torch_has_run_in_several_threads(tmp_path: Path) -> None:
    """A fork has none of these threads; those that wait for them wait for ever."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.zeros(1 << 20).sin()
        wanted = [("audio", number) for number in range(4)]
        makes = kinds(tmp_path / "material")
        found = [verdict for _, verdict, _ in inputs.answers(makes, wanted, 0, tmp_path)]
    finally:
        torch.set_num_threads(before)
    assert set(found) <= set(GOOD)


def test_an_input_is_told_by_its_seed_and_number(tmp_path: Path) -> None:
    makes = kinds(tmp_path / "material")
    for kind in SHARES:
        made = []
        for seed in ("0", "0", "1"):
            box = new_box(tmp_path / "box")
            case = makes[kind](random.Random(seed), box)
            arguments = case.arguments if isinstance(case.arguments, list) else []
            files = [p for p in sorted(box.rglob("*")) if p.is_file()]
            made.append((arguments, {p: p.read_bytes() for p in files}))
            box.rename(tmp_path / f"{kind}-{len(made)}")
        assert made[0] == made[1] != made[2], kind


class FirstChange(random.Random):
    """Draws the first change of the files for the kill."""

    def random(self) -> float:
        return 0.0

    def randint(self, a: int, b: int) -> int:
        return a


def _whole(first: bool) -> None:
    Path("../out/.x.tmp").write_text("[1]")
    if first:
        signal.pause()
    os.replace("../out/.x.tmp", "../out/x.json")


def _half(first: bool) -> None:
    Path("../out/x.json").write_text("[1" if first else "[1]")
    if first:
        signal.pause()


def _leftover(first: bool) -> None:
    Path(f"../out/.{first}.tmp").write_text("[1]")
    if first:
        signal.pause()
    os.replace("../out/.False.tmp", "../out/x.json")


def _other(first: bool) -> None:
    begun = Path("../out/x.json").exists()
    Path("x.tmp").write_text("[2]" if begun else "[1]")
    os.replace("x.tmp", "../out/x.json")  # the first change of out/, and whole
    if first:
        signal.pause()


def _locked(first: bool) -> None:
    with tqdm.get_lock():  # as each bar does, for a moment
        _whole(first)


def _fails(first: bool) -> None:
    _other(first)
    raise ValueError("cannot go on")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (_whole, ""),
        (_locked, ""),
        (_half, "half-written"),
        (_leftover, "left: "),
        (_other, "different: x.json"),
        (_fails, "status 1"),
    ],
)
def test_each_planted_fault_of_a_killed_command_is_found(
    body: Callable[[bool], None], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(arguments: list[str]) -> int:
        marker = Path("../printed/begun")
        first = not marker.exists()
        marker.touch()
        body(first)
        return 0

    monkeypatch.setattr(kills, "command_status", status)
    tqdm.get_lock()  # as the bar of the campaign does
    expected = Unbroken({"x.json": json.loads("[1]")}, 60, 1)
    box = new_box(tmp_path / "box")
    count, wrong = kills.interrupted(Command("planted", []), box, expected, FirstChange(), 1)
    assert count == 1
    assert found in "; ".join(wrong)
    assert bool(wrong) == bool(found)
