"""What the documentation site does beside MkDocs' own: the README is its first page, and links to code become text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent.parent
#: A link in Markdown, but no picture.
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Put pages that the navigation does not name at its end, so that none is lost."""
    named = set(_named(config["nav"]))
    docs = Path(config["docs_dir"])
    others = sorted(path.name for path in docs.glob("*.md") if path.name not in named)
    if others:
        config["nav"].append({"More": others})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Make the README the first page."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"\n\*\*(Contents|In depth):\*\*.*?(?=\n\n)", "", readme, flags=re.DOTALL)  # the site has both
    files.append(File.generated(config, "index.md", content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links that lead out of the site, to files of the project, into text with the file's name."""
    here = (ROOT / "docs" / page.file.src_uri).parent if page.file.src_uri != "index.md" else ROOT

    def link(found: re.Match[str]) -> str:
        text, target = found[1], found[2]
        path, _, anchor = target.partition("#")
        if not path or "://" in target:
            return found[0]
        if page.file.src_uri != "index.md" and path in ("../README.md", "../../README.md"):
            up = "../" * page.file.src_uri.count("/")
            return f"[{text}]({up}index.md{'#' + anchor if anchor else ''})"
        inside = ROOT / "docs" / path if page.file.src_uri == "index.md" else here / path
        if inside.suffix == ".md" and inside.exists() and inside.resolve().is_relative_to(ROOT / "docs"):
            return found[0]
        outside = (here / path).resolve()
        if outside.exists() and outside.is_relative_to(ROOT):
            name = outside.relative_to(ROOT).as_posix()
            return f"{text}" if name in text else f"{text} (`{name}`)"
        return found[0]

    return LINK.sub(link, markdown)


def _named(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    values = nav.values() if isinstance(nav, dict) else nav
    return [name for value in values for name in _named(value)]
