"""A notebook as a page."""

import json

from tools.site.notebook import page_of


def test_cells_become_text_and_code() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Text."]},
        {"cell_type": "code", "source": ["print(1)\n", "print(2)"]},
    ]
    assert page_of(json.dumps({"cells": cells}), "a.ipynb") == (
        '# Title\nText.\n\n<a href="a.ipynb" download>Download this notebook</a>\n\n'
        "```python\nprint(1)\nprint(2)\n```\n"
    )
