"""What commands print: tables on a terminal, one plain line a row where it is piped, JSON with `--json`.

What comes out of a store was written by others, so nothing of it drives the terminal: control characters are shown
escaped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import chain, islice
from typing import IO, Any, Final, Literal, NamedTuple

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ..sources.documents import plain

__all__ = ["Column", "Terminal", "as_json", "clean", "short_time", "standard_error"]

#: Rows that are laid out together: a table of any length takes the memory of these.
LAID_OUT: Final = 200
_GAP: Final = "  "
#: Where a column stops being narrowed: first a wide one, then any.
_NARROW: Final = 16
_LEAST: Final = 6


class Column(NamedTuple):
    """A column of a table: its heading, the key of its value in a row, and how a terminal styles it.

    Where a terminal is too narrow, columns that are `wide` wrap, those of the lower number first.
    """

    heading: str
    key: str
    style: str = ""
    right: bool = False
    wide: int = 0


def clean(text: str) -> str:
    """Show a text on one line, with what is not printable escaped.

    >>> clean("red \\x1b[31m\\n")
    'red \\\\x1b[31m\\\\n'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def short_time(time: datetime) -> str:
    """Write a time in UTC, to the second, as a person reads it.

    >>> short_time(datetime(2026, 11, 23, 12, 30, tzinfo=timezone.utc))
    '2026-11-23 12:30:00'
    """
    return time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Write a value as JSON, in the form that HTTP answers have.

    >>> as_json({"total": 3, "tags": ("a",)})
    '{"total": 3, "tags": ["a"]}'
    """
    text = json.dumps(plain(value), ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return json.dumps(sign)[1:-1] if ord(sign) > 0x7F else f"\\u{ord(sign):04x}"


def standard_error() -> Console:
    return Console(stderr=True, highlight=False)


class Terminal:
    """Where a command's answer goes, in the form that was asked for."""

    def __init__(self, *, json: bool = False, file: IO[str] | None = None) -> None:
        self.json = json
        self._file = file
        self.console = Console(file=file, highlight=False, markup=False, emoji=False)

    @property
    def rich(self) -> bool:
        """Whether a person looks at a terminal."""
        return self.console.is_terminal and not self.json

    def line(self, text: str = "") -> None:
        """Write a line as it is."""
        print(text, file=self._file or sys.stdout)

    def note(self, text: str) -> None:
        """Tell a person, beside the answer, what is good to know; on standard error, and not with `--json`."""
        if not self.json:
            standard_error().print(text, style="dim", markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Tell a person of what is probably a mistake of theirs; on standard error, and not with `--json`."""
        if not self.json:
            standard_error().print(text, style="yellow", markup=False, soft_wrap=True)

    def value(self, value: Any) -> None:
        """Print one answer as JSON: indented, and coloured on a terminal; on one line with `--json`."""
        text = as_json(value, indent=None if self.json else 2)
        if self.rich:
            self.console.print(JSONHighlighter()(text), soft_wrap=True)
        else:
            self.line(text)

    def show(self, renderable: RenderableType) -> None:
        """Print what only a terminal sees well; where it is piped, in plain characters."""
        self.console.print(renderable, soft_wrap=not self.console.is_terminal)

    def tree(self, tree: Tree) -> None:
        """Print a tree: with guides on a terminal, by indentation where it is piped."""
        if self.rich:
            self.console.print(tree)
        else:
            self._indented(tree, 0)

    def _indented(self, tree: Tree, depth: int) -> None:
        self.line("  " * depth + str(tree.label))
        for child in tree.children:
            self._indented(child, depth + 1)

    def rows(self, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], *, empty: str = "") -> int:
        """Print rows as they come, and give how many they were; `empty` is told a person where there are none."""
        if self.json:
            return self._json_rows(rows)
        count = 0
        widths: list[int] = []
        for chunk in _chunks(rows):
            cells = _cells(columns, chunk)
            widths = widths or _natural(columns, cells)
            if self.rich:
                self._table(columns, cells, self._fitted(columns, widths), headed=not count)
            else:
                self._plain(columns, cells, widths, headed=not count)
            count += len(chunk)
        if not count and empty:
            self.note(empty)
        return count

    def sections(self, columns: Sequence[Column], sections: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Print tables under headings on a terminal, all in the same columns."""
        cells = {title: _cells(columns, rows) for title, rows in sections.items()}
        widths = self._fitted(columns, _natural(columns, list(chain(*cells.values())), headed=False))
        for at, (title, lines) in enumerate(cells.items()):
            if at:
                self.console.print()
            self.console.print(Text(clean(title), style="bold"))
            self._table(columns, lines, widths, headed=False)

    def _json_rows(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write one array, a row on each line, as they come."""
        count, before = 0, "["
        for row in rows:
            self.line(before)
            before = f"{as_json(row)},"
            count += 1
        self.line(f"{before.removesuffix(',')}\n]" if count else "[]")
        return count

    def _plain(
        self, columns: Sequence[Column], cells: Sequence[Sequence[str]], widths: Sequence[int], *, headed: bool
    ) -> None:
        for line in chain([[column.heading for column in columns]] if headed else [], cells):
            cells_of = zip(line, widths, columns, strict=True)
            self.line(_GAP.join(_pad(cell, width, column.right) for cell, width, column in cells_of).rstrip())

    def _table(
        self, columns: Sequence[Column], cells: Sequence[Sequence[str]], widths: Sequence[int], *, headed: bool
    ) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), show_header=headed, header_style="dim")
        for column, width in zip(columns, widths, strict=True):
            justify: Literal["left", "right"] = "right" if column.right else "left"
            table.add_column(column.heading, style=column.style, justify=justify, overflow="fold", width=width)
        for line in cells:
            table.add_row(*(Text(cell) for cell in line))
        self.console.print(table)

    def _fitted(self, columns: Sequence[Column], widths: Sequence[int]) -> list[int]:
        """Narrow columns until they fit the terminal: the wide ones in their order, then the widest of all."""
        fitted = list(widths)
        room = self.console.width - len(_GAP) * len(widths)
        for at in sorted((at for at, column in enumerate(columns) if column.wide), key=lambda at: columns[at].wide):
            fitted[at] = max(min(fitted[at], _NARROW), min(fitted[at], room - sum(fitted) + fitted[at]))
        while sum(fitted) > room and max(fitted) > _LEAST:
            fitted[fitted.index(max(fitted))] -= 1
        return fitted


def _chunks(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    left = iter(rows)
    while chunk := list(islice(left, LAID_OUT)):
        yield chunk


def _cells(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    return [[_cell(row.get(column.key)) for column in columns] for row in rows]


def _natural(columns: Sequence[Column], cells: Sequence[Sequence[str]], *, headed: bool = True) -> list[int]:
    """Give the width that each column would like to have."""
    return [
        max(cell_len(column.heading) if headed else 0, *(cell_len(line[at]) for line in cells), 0)
        for at, column in enumerate(columns)
    ]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return clean(value) if isinstance(value, str) else as_json(value)


def _pad(cell: str, width: int, right: bool) -> str:
    room = " " * max(0, width - cell_len(cell))
    return room + cell if right else cell + room
