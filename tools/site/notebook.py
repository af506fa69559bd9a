"""A notebook without outputs as a page."""

from __future__ import annotations

import json


def page_of(notebook: str, name: str) -> str:
    """The Markdown of a notebook's cells, code in fences, with a link to the notebook itself."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook)["cells"]]
    parts = [f"```python\n{text}\n```" if kind == "code" else text for kind, text in cells]
    download = f'<a href="{name}" download>Download this notebook</a>'
    return "\n\n".join([parts[0], download, *parts[1:]]) + "\n"
