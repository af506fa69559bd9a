"""What a report may say is JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoresubnet.evaluation.results import Estimate, Finding, Metric, plain


@pytest.mark.parametrize(("value", "why"), [(np.inf, "infinite"), (np.nan, "not a number")])
def test_what_json_cannot_say_becomes_none_with_a_word(value: float, why: str) -> None:
    found = plain(value, 3)
    assert (found.value, found.why, found.count) == (None, why, 3)


def test_a_finding_is_plain_values() -> None:
    metric = Metric("a/b", "B", "lower", 2)
    finding = Finding(metric, {"x": plain(np.float64(1), 3)}, {"y - x": Estimate(0.5, 2, 0.0, 1.0)})
    values = json.loads(json.dumps(finding.to_dict(), allow_nan=False))
    assert (values["key"], values["better"], values["digits"]) == ("a/b", "lower", 2)
    assert values["systems"]["x"]["value"] == 1
    assert values["differences"]["y - x"]["high"] == 1
