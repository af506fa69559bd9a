"""The site as a folder: its pages and sounds, made into HTML by Zensical, and the browser page."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import tomli_w

from scoresubnet.commands.demo import site_of, write_site
from scoresubnet.model_about import DEFAULT_WEIGHTS
from tools.site.links import faults
from tools.site.navigation import navigation
from tools.site.notebook import page_of
from tools.site.pages import ROOT, moved, place, shown, sources
from tools.site.sounds import with_sounds

CONFIG = Path(__file__).parent / "zensical.toml"
ASSETS = Path(__file__).parent / "assets"
BROWSER_PAGE = "speak"  # address of what `scoresubnet demo --out` writes
BROWSER_WEIGHTS = (DEFAULT_WEIGHTS, "arabic16-small")


def build(out: Path, work: Path) -> None:
    """Build the site as the folder `out`, in place of an older one, by way of the folder `work`.

    Raises:
        ValueError: a page has a link out of the repository or to nothing, fetches something from
            elsewhere, or is nowhere in the navigation.
        CalledProcessError: Zensical finds a broken link or anchor; it has said so.
    """
    shutil.rmtree(work, ignore_errors=True)
    write_pages(work / "pages")
    write_config(work)
    subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=work, check=True)
    (work / "site" / "404.html").unlink()  # its links are right at the root of a host alone
    if found := list(faults(work / "site", apart=BROWSER_PAGE)):
        raise ValueError("\n".join(found))
    if out.exists():
        shutil.rmtree(out)
    shutil.move(work / "site", out)


def write_pages(pages: Path) -> None:
    """Write the Markdown of the site, and every file that it shows or leads to."""
    files: set[Path] = set()
    for source in sources():
        page = pages / place(source)
        page.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".ipynb":
            text = page_of(text, source.name)
            shutil.copyfile(source, page.with_name(source.name))
        text, found = moved(shown(text), source)
        files |= found
        up = "../" * place(source).count("/")
        page.write_text(with_sounds(text, pages, up), encoding="utf-8")
    for file in files - set(sources()) - {ROOT / "README.md"}:
        copy = pages / place(file)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    write_site(site_of(BROWSER_WEIGHTS), pages / BROWSER_PAGE)
    shutil.copytree(ASSETS, pages / ASSETS.name)


def write_config(work: Path) -> None:
    """Write Zensical's settings, with the navigation that fits the pages."""
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    project = config["project"]
    project["nav"] = navigation(project["nav"], [place(source) for source in sources()])
    handler = project["plugins"]["mkdocstrings"]["handlers"]["python"]
    handler["paths"] = [str(ROOT / path) for path in handler["paths"]]
    (work / CONFIG.name).write_text(tomli_w.dumps(config), encoding="utf-8")
