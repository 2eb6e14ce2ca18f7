"""How answers look: on a terminal, piped, as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from cqrsless.cli.terminal import LAID_OUT, Column, Terminal, as_json, clean

NAMES = (Column("NAME", "name"), Column("COUNT", "count", right=True))


def on_a_terminal(width: int = 80) -> Terminal:
    terminal = Terminal(file=io.StringIO())
    terminal.console = Console(
        file=terminal._file, force_terminal=True, width=width, color_system=None, highlight=False, markup=False
    )
    return terminal


def printed(terminal: Terminal) -> str:
    assert isinstance(terminal._file, io.StringIO)
    return terminal._file.getvalue()


def test_piped_rows_are_one_aligned_line_each() -> None:
    terminal = Terminal(file=io.StringIO())
    assert terminal.rows(NAMES, [{"name": "a", "count": 5}, {"name": "日本", "count": 10}]) == 2
    assert printed(terminal) == "NAME  COUNT\na         5\n日本     10\n"


def test_json_rows_are_one_array_with_a_line_each_also_where_there_is_none() -> None:
    for rows in ([], [{"name": "a"}], [{"name": "a"}, {"name": "b"}]):
        terminal = Terminal(json=True, file=io.StringIO())
        terminal.rows(NAMES, rows)
        assert json.loads(printed(terminal)) == rows
        assert printed(terminal).count("\n") == (len(rows) + 2 if rows else 1)


def test_rows_are_written_as_they_come() -> None:
    terminal = Terminal(json=True, file=io.StringIO())

    def rows() -> Iterator[dict[str, Any]]:
        for at in range(10):
            yield {"name": at}
            assert printed(terminal).count("\n") >= at

    terminal.rows(NAMES, rows())


def test_a_table_of_many_rows_takes_the_memory_of_some() -> None:
    made = told = 0

    class Counting(io.StringIO):
        def write(self, text: str) -> int:
            nonlocal told
            told += text.count("\n")
            assert made - told <= LAID_OUT + 1
            return len(text)

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal made
        for made in range(5 * LAID_OUT):
            yield {"name": "x", "count": made}

    assert Terminal(file=Counting()).rows(NAMES, rows()) == 5 * LAID_OUT


def test_a_terminal_wraps_the_wide_column_and_no_other() -> None:
    terminal = on_a_terminal(width=40)
    columns = (Column("NAME", "name"), Column("PAYLOAD", "payload", wide=1), Column("WHERE", "where"))
    terminal.rows(columns, [{"name": "OrderCreated", "payload": "a " * 30, "where": "app.py:12"}])
    assert all(len(line) <= 40 for line in printed(terminal).splitlines())
    assert "OrderCreated  " in printed(terminal) and "app.py:12" in printed(terminal)


def test_columns_stay_where_they_are_over_many_pages_of_a_terminal() -> None:
    terminal = on_a_terminal()
    terminal.rows(NAMES, ({"name": f"n{at}", "count": at} for at in range(3 * LAID_OUT)))
    ends = {len(line.rstrip()) for line in printed(terminal).splitlines() if line.strip()}
    assert len(ends) == 1


def test_what_was_stored_drives_no_terminal() -> None:
    hostile = "\x1b]0;title\x07\x1b[2J\u202e\x9b31m[bold]"
    assert clean(hostile).isprintable() and as_json({"a": hostile}).isprintable()
    assert json.loads(as_json({"a": hostile})) == {"a": hostile}
    for terminal in (Terminal(file=io.StringIO()), on_a_terminal()):
        terminal.rows(NAMES, [{"name": hostile, "count": 1}])
        terminal.value({"a": hostile})
        assert "\x1b]" not in printed(terminal) and "\x9b" not in printed(terminal) and "\x07" not in printed(terminal)
        assert "[bold]" in printed(terminal)


def test_a_note_is_told_people_and_not_scripts(capsys: Any) -> None:
    Terminal().note("views follow")
    Terminal(json=True).note("not told")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "views follow\n")
