import pytest

from scoresubnet.evaluation.judges.intelligibility import RecognitionResult
from scoresubnet.evaluation.measures import Row
from scoresubnet.evaluation.statistics.bootstrap import Interval
from scoresubnet.evaluation.tables import intelligibility_table, ratio, score_table, summary

ROWS = {
    "untouched": RecognitionResult(("go", "go", "go", "up"), ("go", "go", "go", "up")),
    "vocoded": RecognitionResult(("go", "go", "go", "up"), ("go", "go", "go", None)),
    "generated": RecognitionResult(("go", "go", "up", "up"), ("go", None, "up", "go")),
}
TRAINING = {"go": 30, "up": 4}


def cells(text: str) -> dict[str, list[str]]:
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {name: others for name, *others in rows}


def test_table():
    text = intelligibility_table(("go", "up"), ROWS, TRAINING)
    rows = cells(text)
    assert rows["word"][0] == "generated"
    assert rows["go"] == ["50 % (1/2)", "100 % (3/3)", "100 % (3/3)", "30"]
    assert rows["up"] == ["50 % (1/2)", "0 % (0/1)", "100 % (1/1)", "4"]
    assert rows["all clips"] == ["50 % (2/4)", "75 % (3/4)", "100 % (4/4)", "34"]
    assert rows["95 % interval"][0] == "15.0 to 85.0 %"
    assert rows["mean over words"][:3] == ["50.0 %", "50.0 %", "100.0 %"]
    assert text.rstrip().endswith("1.00")
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_table_of_recordings_alone():
    rows = {name: ROWS[name] for name in ("vocoded", "untouched")}
    text = intelligibility_table(("go", "up"), rows, TRAINING)
    assert "enerated" not in text
    assert cells(text)["up"] == ["0 % (0/1)", "100 % (1/1)", "4"]


def test_ratio_compares_means_over_words():
    assert ratio(ROWS) == 1.0  # and not 0.5 / 0.75


def test_summary():
    values = summary(ROWS["vocoded"])
    assert values["overall"]["right"] == 3
    assert values["mean_over_labels"] == pytest.approx(0.5)
    assert values["by_label"]["up"]["share"] == 0


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, 0.95, 0.0, 1000, 0, "percentile")


def test_table_of_scores():
    means = {"original": interval(0, 0, 0), "ours": interval(0.12345, 0.1, 0.2)}
    opinions = {"original": interval(3.456, 3.4, 3.5), "ours": interval(2.5, 2.25, 2.75)}
    rows = [Row("log_mel_l1", means, ()), Row("pesq", opinions, (1, 4))]
    text = score_table(rows, 9, {"ours": "12 / 34"})
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert lines == [
        ["", "original", "ours", "clips"],
        ["---", "---:", "---:", "---:"],
        ["log-Mel L1, nats \u2193", "0.000 (0.000 to 0.000)", "0.123 (0.100 to 0.200)", "9"],
        ["PESQ wideband \u2191", "3.46 (3.40 to 3.50)", "2.50 (2.25 to 2.75)", "7"],
        ["seconds of audio a second \u2191", "", "12 / 34", ""],
    ]
    assert "second" not in score_table(rows, 9)
