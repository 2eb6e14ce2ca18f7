"""What today's code makes of whole histories: those of the examples, with their races, repeats and processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqrsless import App, Cost
from cqrsless.describing.deviations import Deviation, deviations
from cqrsless.describing.histories import Subject
from cqrsless.store import Store
from examples.bank import bank
from examples.bank.__main__ import main
from examples.orders import generate
from examples.orders.__main__ import run


def everything(app: App) -> Iterator[Deviation]:
    for key in dict.fromkeys(item["pk"] for item in items(app.store)):
        yield from deviations(app, Subject(app.store, app.kind(key.partition("#")[0]), key))


def items(store: Store) -> Iterator[dict[str, object]]:
    after = None
    while True:
        page = store.scan("events", Cost(), after=after)
        yield from page.items
        if not page.more:
            return
        after = (page.items[-1]["pk"], page.items[-1]["c"])


def test_code_that_did_not_change_makes_every_commit_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three weeks of orders, taken by two containers that lose races to each other."""
    monkeypatch.setenv("CQRSLESS_RECORD_COMMANDS", "on")
    first = App("memory://")
    run([first, App(first.store)], generate.FILE.read_bytes().splitlines())
    first.drain()
    found = list(everything(first))
    assert len(found) > 1_000
    assert [one for one in found if one.outcome != "same"] == []


def test_last_years_commands_are_refused_by_this_years_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PayIn has another name since, and an overdraft another type; all else comes out as it did."""
    url = f"sqlite:///{tmp_path}/bank.db"
    assert main(["--store", url]) == 0, capsys.readouterr().out
    app = App(url, registry=bank)
    found = list(everything(app))
    app.store.close()
    assert Counter((one.commit.command, one.outcome) for one in found if one.outcome != "same") == {
        ("OpenAccount", "refused now"): 2, ("PayIn", "refused now"): 6,
    }  # fmt: skip
    assert len(found) > 1_400
