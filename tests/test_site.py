"""The documentation site: it builds without a warning and without a network, and reads without one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")

ROOT = Path(__file__).parent.parent


class Fetched(HTMLParser):
    """What a browser fetches to show a page, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.resources: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.resources.append(given["src"])
        elif tag == "link" and given.get("rel") != "canonical" and given.get("rel") not in ("next", "prev"):
            self.resources.append(given["href"])
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Every proxy leads nowhere: what would be fetched fails the build."""
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Fetched]:
    return {path: Fetched(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_page_of_the_documentation_is_in_it(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").is_file(), page
    assert "Serverless CQRS applications" in (site / "index.html").read_text(encoding="utf-8")


def test_reading_a_page_fetches_nothing_from_elsewhere(site: Path, pages: dict[Path, Fetched]) -> None:
    for path, page in pages.items():
        for resource in page.resources:
            parts = urlsplit(resource)
            assert not parts.scheme and not parts.netloc, (path, resource)
            assert path.name == "404.html" or (path.parent / unquote(parts.path)).is_file(), (path, resource)
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:|@import", style.read_text(encoding="utf-8")), style


def test_links_lead_to_pages_and_to_places_in_them(site: Path, pages: dict[Path, Fetched]) -> None:
    for path, page in pages.items():
        for link in page.links if path.name != "404.html" else ():
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (path.name, link)
            assert not parts.fragment or unquote(parts.fragment) in pages[target].ids, (path.name, link)


def test_examples_of_docstrings_are_shown_as_code(site: Path) -> None:
    page = (site / "reference" / "decorators.html").read_text(encoding="utf-8")
    assert 'class="gp"' in page and "<blockquote>" not in page  # a prompt, as Pygments marks it


def test_public_names_have_a_place_in_the_reference(pages: dict[Path, Fetched]) -> None:
    import cqrsless
    from cqrsless import testing

    ids = set[str]().union(*(page.ids for page in pages.values()))
    decorators = {name for name in cqrsless.__all__ if hasattr(cqrsless.Registry, name)}
    documented = {name.rpartition(".")[2] for name in ids if name.startswith("cqrsless.")}
    assert set(cqrsless.__all__) <= documented, sorted(set(cqrsless.__all__) - documented)
    assert decorators <= {name.rpartition(".")[2] for name in ids if name.startswith("cqrsless.Registry.")}
    assert set(testing.__all__) <= documented, sorted(set(testing.__all__) - documented)


def test_nothing_of_the_machine_is_in_it(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert str(ROOT) not in path.read_text(encoding="utf-8"), path
