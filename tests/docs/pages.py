"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent.parent
README: Final = ROOT / "README.md"
#: The README and the guides, by their files.
GUIDES: Final = {path: path.read_text(encoding="utf-8") for path in (README, *sorted(ROOT.glob("docs/*.md")))}
#: What is written for readers at all: the reference, and what stands beside the examples and the benchmarks, too.
PAGES: Final = GUIDES | {
    path: path.read_text(encoding="utf-8")
    for folder in ("docs/reference", "examples", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.md"))
}
#: A block that begins with the name of a file is that file, for the blocks of its page; the README's are for all pages.
NAMED: Final = re.compile(r"# (\w+\.py)\n")
_BLOCK: Final = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code, and the line of its page that it begins at."""

    language: str
    code: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """Give all blocks of a page, in order."""
    return [
        Block(found[2], found[3], page.count("\n", 0, found.start()) + 1) for found in _BLOCK.finditer(page)
    ]  # fmt: skip


def blocks(language: str, page: str) -> list[str]:
    return [block.code for block in blocks_of(page) if block.language == language]


def files_in(page: str) -> dict[str, str]:
    """Give the files that a page names, by their names."""
    return {named[1]: code for code in blocks("python", page) if (named := NAMED.match(code))}


#: The files of the README's shop.
FILES: Final = files_in(PAGES[README])
