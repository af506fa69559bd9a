import json
import math

import pytest

from scoresubnet.evaluation.records import write_json, write_text


def test_text_and_json_replace_what_was_there(tmp_path):
    path = tmp_path / "new" / "record"
    write_text(path, "naïve")
    assert path.read_text(encoding="utf-8") == "naïve"
    write_json(path, {"x": (1, None)})
    assert json.loads(path.read_text()) == {"x": [1, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"x": math.nan})
    assert json.loads(path.read_text()) == {"x": [1, None]}
    assert list(path.parent.iterdir()) == [path]
