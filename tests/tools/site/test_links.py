"""A link that leads nowhere is found, and so is what would be fetched from elsewhere."""

from pathlib import Path

import pytest

from tools.site.links import faults


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="b/c.html#there">x</a> <a href="#here">x</a>', None),
        ('<a href="https://example.org">x</a> <img src="data:image/png;base64,">', None),
        ('<audio src="b/a%20sound.wav"></audio>', None),
        ('<a href="none.html">x</a>', "a link to none.html, which is not there"),
        ('<a href="b">x</a>', "a link to b, which is not there"),
        ('<a href="b/c.html#gone">x</a>', "#gone, where there is no such place"),
        ('<a href="#gone">x</a>', "a link to #gone, where there is no such place"),
        ('<img src="none.png">', "a link to none.png, which is not there"),
        ('<script src="https://example.org/x.js"></script>', "a.html fetches https://example.org"),
        ('<link href="//example.org/x.css" rel="stylesheet">', "a.html fetches //example.org"),
    ],
)
def test_links(body: str, fault: str | None, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/a sound.wav").touch()
    (tmp_path / "b/c.html").write_text('<h2 id="there">There</h2> <a href="../a.html">x</a>')
    (tmp_path / "a.html").write_text(f'<h1 id="here">Here</h1> {body}')
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart/d.html").write_text('<a href="none.html">x</a>')
    found = list(faults(tmp_path, apart="apart"))
    if fault is None:
        assert not found
    else:
        assert len(found) == 1
        assert fault in found[0]
